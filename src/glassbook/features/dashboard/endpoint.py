"""Language model behind an OpenAI-compatible endpoint, as explainer and judge of features."""

from __future__ import annotations

import json
import os
import re
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from glassbook.errors import GlassbookError
from glassbook.notebook.runs.feature_dashboard import Feature, Token

KEY = "GLASSBOOK_API_KEY"
"""Environment variable of the key, if another is not named; local servers need none."""
LARGEST = 1 << 20
"""Bytes of an answer that are read."""
LONGEST = 120
"""Characters of a label."""

_NAME = """You look at one feature of a language model: a direction that is active on some tokens. Below are texts on \
which it is strongest; the tokens on which it is active stand between << and >>. Answer with what they have in common, \
in at most twelve words, on one line, without quotation marks and without an introduction."""
_ACTIVE = """A feature of a language model is described as: {label}

For each numbered text say whether the feature is active anywhere in it. Answer only with a list of {n} digits, 1 for \
yes and 0 for no, such as {example}."""
_MARKED = """A feature of a language model is described as: {label}

In each numbered text some tokens stand between << and >>. For each say whether those are tokens on which the feature \
is active. Answer only with a list of {n} digits, 1 for yes and 0 for no, such as {example}."""


@dataclass(frozen=True)
class Endpoint:
    """A model that speaks the protocol of OpenAI's chat completions.

    Attributes:
        url: the part before "/chat/completions", such as http://localhost:8080/v1.
        model: its name there.
        key: name of the environment variable that holds the key.
        timeout: seconds to wait for an answer.
    """

    url: str
    model: str
    key: str = KEY
    timeout: float = 60.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GlassbookError(f"{self.url!r} is no address of a server; give one such as http://localhost:8080/v1")
        if not self.timeout > 0:
            raise GlassbookError(f"a timeout of {self.timeout:g} s leaves no time to answer; give more")

    @property
    def source(self) -> str:
        """The model's name."""
        return self.model

    def name(self, feature: Feature) -> str:
        """What the model sees in the top activating examples; "" if it answers nothing."""
        texts = "\n".join(f"{i}. {_line(context)}" for i, context in enumerate(feature.contexts, 1))
        return _clean(self._ask(_NAME, texts))

    def active(self, label: str, texts: Sequence[list[str]]) -> list[bool] | None:
        """Its answers, None if its text holds none."""
        return self._judge(_ACTIVE, label, ["".join(text) for text in texts])

    def marked(self, label: str, texts: Sequence[list[tuple[str, bool]]]) -> list[bool] | None:
        """Its answers, None if its text holds none."""
        return self._judge(_MARKED, label, [_line([(t, float(mark)) for t, mark in text]) for text in texts])

    def _judge(self, question: str, label: str, texts: list[str]) -> list[bool] | None:
        example = json.dumps([i % 2 for i in range(len(texts))])
        lines = "\n".join(f"{i}. {' '.join(text.split())}" for i, text in enumerate(texts, 1))
        reply = self._ask(question.format(label=label, n=len(texts), example=example), lines)
        lists = re.findall(r"\[\s*[01](?:\s*,\s*[01])*\s*\]", reply)
        answers = json.loads(lists[-1]) if lists else []
        return [bool(answer) for answer in answers] if len(answers) == len(texts) else None

    def _ask(self, system: str, user: str) -> str:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        body = {"model": self.model, "messages": messages, "temperature": 0}
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(self.key):
            headers["Authorization"] = f"Bearer {key}"
        address = self.url.rstrip("/") + "/chat/completions"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)
        try:
            with self._opener().open(request, timeout=self.timeout) as answer:
                text = answer.read(LARGEST + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise GlassbookError(self._refused(error.code)) from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise GlassbookError(f"{self.url} did not answer in {self.timeout:g} s; allow it more time") from error
            raise GlassbookError(f"{self.url} cannot be reached: {reason}; is the server running?") from error
        return self._content(text)

    def _content(self, text: bytes) -> str:
        try:
            reply: Any = json.loads(text) if len(text) <= LARGEST else None
            content = reply["choices"][0]["message"]["content"]
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            content = None
        if not isinstance(content, str):
            raise GlassbookError(f"{self.url} does not answer as a chat completion does; is it OpenAI-compatible?")
        # What a reasoning model thinks aloud is no part of its answer.
        return re.sub(r"<think>.*?</think>", "", content, flags=re.DOTALL)

    def _refused(self, status: int) -> str:
        if status in (401, 403):
            return f"{self.url} refuses the key ({status}); set the environment variable {self.key}"
        if status == 404:
            return f"{self.url} knows no model {self.model!r} or no chat completions (404); check both"
        if status in (429, 503):
            return f"{self.url} is too busy ({status}); try again later, or with fewer features"
        return f"{self.url} answers with status {status}; look at the server's own log"

    def _opener(self) -> urllib.request.OpenerDirector:
        local = urlsplit(self.url).hostname in ("localhost", "127.0.0.1", "::1")
        return urllib.request.build_opener(_Stay, *([urllib.request.ProxyHandler({})] if local else []))


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key and the text are for the named server only."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        """Nowhere."""
        return


def _line(context: Sequence[Token]) -> str:
    """A text on one line with the active tokens between << and >>, neighbours together."""
    pieces, inside = [], False
    for token, value in context:
        if (value > 0) != inside:
            inside = not inside
            pieces.append("<<" if inside else ">>")
        pieces.append(token)
    return " ".join("".join([*pieces, ">>" if inside else ""]).split())


def _clean(reply: str) -> str:
    """The first line with words, as plain text without control characters or the quotation marks round it."""
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    text = "".join(c for c in (lines[0] if lines else "") if unicodedata.category(c)[0] != "C")
    text = text.strip(" \"'`*.")
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
