"""Import arrangement: what each planned page becomes in a notebook that has pages already.

A page about something that the notebook has a page about is joined to it, under a heading of its own, unless the user
keeps it as a page of its own or leaves it out. Arranging reads the notebook and writes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from glassbook.errors import GlassbookError
from glassbook.notebook.files import finish_pending
from glassbook.notebook.importing.contents import with_contents
from glassbook.notebook.importing.linking import Names, Suggestion, with_links
from glassbook.notebook.importing.matching import KINDS, WORKS, Candidate, Match, Subjects
from glassbook.notebook.importing.plan import Attachment, LeftOut, Plan, PlannedPage, shortened
from glassbook.notebook.importing.record import Record
from glassbook.notebook.pages import page as pages
from glassbook.notebook.pages.page import Page

if TYPE_CHECKING:
    from glassbook.notebook.importing.apply import Report
    from glassbook.notebook.notebook import Notebook

Action = Literal["join", "own", "leave"]
ACTIONS: tuple[Action, ...] = ("join", "own", "leave")
FEW = 3
"""Words of a work's title that others may write without meaning the work: "zoom in"."""
_RELATIVE = re.compile(r"\]\((?![a-z][a-z0-9+.-]*:|[#/])|!\[\[", re.IGNORECASE)
"""Links and pictures that are found from the folder of the note."""


@dataclass(frozen=True)
class Choice:
    """What a planned page becomes."""

    action: Action
    """Its words are added to a page of the notebook; it becomes a page of its own; it is left out."""
    target: str = ""
    """File of the page that it joins, relative to the notebook; "" for the first candidate."""


@dataclass(frozen=True)
class Arranged:
    """A planned page with its place in the notebook."""

    page: PlannedPage
    """With its level, title and references as they fit the notebook."""
    digest: str
    """Of the page as it was planned: by it the same source is known again."""
    choice: Choice
    candidates: tuple[Candidate, ...] = ()
    links: tuple[Suggestion, ...] = ()
    """Links that could be put into its words."""
    gone: str = ""
    """File of the page that it became before, if it is gone and the user made no other choice."""

    @property
    def joined(self) -> Candidate | None:
        """The page that it joins."""
        at = (candidate for candidate in self.candidates if candidate.path == self.choice.target)
        return next(at, None) if self.choice.action == "join" else None

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        page, joined = self.page, self.joined
        return {
            "path": page.path,
            "title": page.title,
            "kind": page.kind,
            "level": page.front.get("level"),
            "lines": list(page.lines),
            "guesses": list(page.guesses),
            "action": self.choice.action,
            "joins": joined and vars(joined),
            "candidates": [vars(candidate) for candidate in self.candidates],
            "links": [{"words": link.words, "to": link.name, "around": link.around} for link in self.links],
        }

    def words(self, links: bool) -> str:
        """Its words, with the suggested links or without."""
        return with_links(self.page.body, self.links if links else ())


@dataclass(frozen=True)
class Arrangement:
    """Everything that an import would do in one notebook."""

    plan: Plan
    notebook: Notebook
    record: Record
    kind: str
    """The kind of the pages whose source does not say theirs; "" where the user did not name one."""
    pages: tuple[Arranged, ...]
    attachments: tuple[Attachment, ...] = field(repr=False, default=())
    left_out: tuple[LeftOut, ...] = ()

    @property
    def unsaid(self) -> int:
        """How many pages are of a kind that nobody said."""
        return 0 if self.kind else sum(not page.kind_said for page in self.plan.pages)

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "source": self.plan.source,
            "name": self.plan.name,
            "kinds": self.plan.kinds(),
            "kind": self.kind,
            "unsaid": self.unsaid,
            "pages": [item.to_data() for item in self.pages],
            "attachments": [attachment.path for attachment in self.attachments],
            "left_out": [vars(item) for item in self.left_out],
        }

    def apply(self, links: bool = False) -> Report:
        """Make and change the pages, all or none of them.

        Args:
            links: put the suggested links into the imported words.

        Raises:
            GlassbookError: the disk refused; the notebook is then as it was.
        """
        from glassbook.notebook.importing.apply import apply

        return apply(self, links)


def arrange(
    plan: Plan,
    notebook: Notebook,
    kind: str = "",
    same: Action = "join",
    choices: Mapping[str, Choice] | None = None,
) -> Arrangement:
    """How a plan fits a notebook; see `Plan.arrange`."""
    finish_pending(notebook.folder)  # an import that was killed is no other than one that came through
    record = Record.of(notebook.folder, plan)
    kind = kind or record.kind
    if kind and kind not in pages.KINDS:
        raise GlassbookError(f"kind: {kind!r} is none; take one of {', '.join(pages.KINDS)}")
    plan = with_contents(plan)
    digests = [page.digest() + (f" {kind}" if kind and not page.kind_said else "") for page in plan.pages]
    plan = _of_kind(plan, kind) if kind else plan
    subjects = Subjects(notebook, without=record.made)
    choices = choices or {}
    unknown = choices.keys() - {page.path for page in plan.pages}
    if unknown:
        raise GlassbookError(f"{min(unknown)!r} is no page of this import; look at its plan again")
    arranged = []
    for page, digest in zip(plan.pages, digests, strict=True):
        body = _joinable(page)
        match = subjects.match(replace(page, body=body)) if body is not None else Match()
        if match.work and page.copy is None:
            page = _of_work(page, *match.work)
        candidates = match.candidates
        if page.copy is not None:  # other notes of the vault link to it by its name
            candidates = tuple(c for c in candidates if notebook.index.path_of(page.title) == c.path)
        item = Arranged(page, digest, Choice("own"), candidates)
        before = record.choice(page.path)
        gone = "" if page.path in choices else record.gone(notebook.folder, page.path)
        if before and before.action == "join" and not (notebook.folder / before.target).is_file():
            before = Choice("own")  # the page is gone
        item = _chosen(item, choices.get(page.path) or before or _default(item, same), notebook, body)
        arranged.append(replace(item, gone=gone))
    arranged = _levelled([_digested(item, arranged) for item in arranged], subjects)
    names = _names(subjects, arranged)
    linked = [
        replace(item, links=tuple(names.suggest(item.page.body, {item.choice.target or f"pages/{item.page.path}"})))
        if _takes_links(item) and not record.knows(item.page.path, item.digest)
        else item
        for item in arranged
    ]
    return Arrangement(plan, notebook, record, kind, tuple(linked), plan.attachments, plan.left_out)


def _default(item: Arranged, same: Action) -> Choice:
    first = item.candidates[0] if item.candidates else None
    return Choice(same) if first and first.sure else Choice("own")


def _chosen(item: Arranged, choice: Choice, notebook: Notebook, body: str | None) -> Arranged:
    """The page with what becomes of it; any page of the notebook can be joined, whether it was found or not."""
    if choice.action != "join":
        return replace(item, choice=Choice(choice.action))
    if body is None:
        raise GlassbookError(f"{item.page.title!r} cannot be added to a page: the file belongs in its folder as it is")
    if not choice.target and not item.candidates:
        raise GlassbookError(f"the notebook has no page that {item.page.title!r} could be added to; name one")
    target = choice.target or item.candidates[0].path
    candidates = item.candidates
    if target not in [candidate.path for candidate in candidates]:
        try:
            there = notebook.page_in(target) if _is_page(target, notebook) else notebook.page(target)
        except OSError as error:
            raise GlassbookError(f"cannot read {target}: {error.strerror or error}") from error
        assert there.path is not None
        target = there.path.relative_to(notebook.folder).as_posix()
        chosen = Candidate(target, notebook.index.address(there), there.title, there.kind, "you chose it", True)
        candidates = (*candidates, chosen)
    # What it would be called and where it would stand is that page's matter.
    told = tuple(guess for guess in item.page.guesses if not guess.startswith(("called ", "level ")))
    page = replace(item.page, body=body, copy=None, guesses=told)
    return replace(item, page=page, choice=Choice("join", target), candidates=candidates)


def _is_page(target: str, notebook: Notebook) -> bool:
    file = (notebook.folder / target).resolve()
    return target.endswith(".md") and file.is_relative_to((notebook.folder / "pages").resolve()) and file.is_file()


def _digested(item: Arranged, arranged: list[Arranged]) -> Arranged:
    """The page of contents has the digest of all that it lists."""
    if not item.page.rest:
        return item
    said = [(other.page.path, other.digest, other.choice) for other in arranged]
    return replace(item, digest=hashlib.sha256(repr(said).encode("utf-8", "surrogateescape")).hexdigest())


def _takes_links(item: Arranged) -> bool:
    return item.page.copy is None and not item.page.rest and not item.gone and item.choice.action != "leave"


def _of_kind(plan: Plan, kind: str) -> Plan:
    """The plan with the kind that the user named for the pages whose source says none."""
    return replace(plan, pages=tuple(page if page.kind_said else _as(page, kind) for page in plan.pages))


def _as(page: PlannedPage, kind: str) -> PlannedPage:
    if page.copy is None:
        path = re.sub(r"^notes/", f"{kind}s/", page.path)
        return replace(page, kind=kind, path=path)
    read = Page.parse(page.copy.decode("utf-8", "surrogateescape"))
    if read.problem:
        return page
    read.kind = kind
    # A file that is copied gets this line in its front matter, and no other.
    return replace(page, kind=kind, copy=read.render().encode("utf-8", "surrogateescape"))


def _joinable(page: PlannedPage) -> str | None:
    """The words that would stand on another page; None for a file that belongs in its folder."""
    if page.rest:
        return None
    if page.copy is None:
        return page.body if page.lines else _lowered(page.body)
    read = Page.parse(page.copy.decode("utf-8", "replace"))
    plain = page.copy.decode("utf-8", "replace").encode() == page.copy
    own = read.extra or read.tags or read.aliases or read.refs or read.level is not None or read.problem
    if not plain or own or _RELATIVE.search(read.body):
        return None
    return _lowered(read.body)


def _lowered(body: str) -> str:
    """A body with its headings two levels lower, as they stand in a section of another page."""
    out, fence = [], ""
    for line in body.split("\n"):
        mark = re.match(r" {0,3}(```+|~~~+)", line)
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        heading = None if fence else re.match(r" {0,3}(#{1,6})(?=[ \t]|\r?$)", line)
        out.append("#" * min(2, 6 - len(heading[1])) + line.lstrip() if heading else line)
    return "\n".join(out)


def _of_work(page: PlannedPage, key: str, title: str) -> PlannedPage:
    """The page of a work: it cites it, and is called as the notebook's bibliography calls it if it had no title."""
    guess = f"about {title!r}, which is in the notebook's references"
    if not title:
        guess = f"cites {key}, which is not in the notebook's references; `glassbook references FILE.bib` adds it"
    front = {**page.front, "refs": [*page.front.get("refs", []), key]}
    title = title if page.derived and title else page.title
    return replace(page, title=title, front=front, guesses=(*page.guesses, guess))


# --- levels -------------------------------------------------------------------------------------------------------


def _levelled(arranged: list[Arranged], subjects: Subjects) -> list[Arranged]:
    """Terms of their own get levels on the notebook's scale: between those of the terms that stand round them."""
    there = {row.path: row.level for row in subjects.rows if row.level is not None}
    terms = [item for item in arranged if item.page.kind == "term" and "level" in item.page.front]
    if not there or not terms:
        return arranged
    fixed = {
        item.page.front["level"]: (there[item.choice.target], item.page.title)
        for item in terms
        if item.choice.target in there
    }
    most = max(item.page.front["level"] for item in terms)
    out = []
    for item in arranged:
        if item in terms and item.choice.action == "own":
            level, why = _level(item.page.front["level"], most, fixed, min(there.values()), max(there.values()))
            kept = tuple(guess for guess in item.page.guesses if not guess.startswith("level "))
            front = {**item.page.front, "level": level}
            item = replace(item, page=replace(item.page, front=front, guesses=(*kept, f"level {level}, {why}")))
        out.append(item)
    return out


def _level(place: int, most: int, fixed: Mapping[int, tuple[int, str]], low: int, high: int) -> tuple[int, str]:
    """(level, why) of the term at a place of the list, counted from the lowest, 1; `fixed`: place -> (level, title)."""
    below = max((other for other in fixed if other < place), default=None)
    above = min((other for other in fixed if other > place), default=None)
    if below is not None and above is not None:
        share = (place - below) / (above - below)
        level = fixed[below][0] + share * (fixed[above][0] - fixed[below][0])
        return round(level), f"between {shortened(fixed[below][1], 6)!r} and {shortened(fixed[above][1], 6)!r}"
    beside = below if below is not None else above
    if beside is not None:
        level = min(high, max(low, fixed[beside][0] + place - beside))
        return level, f"beside {shortened(fixed[beside][1], 6)!r}"
    share = (place - 1) / (most - 1) if most > 1 else 0.5
    return round(low + share * (high - low)), "from its place in the list, on the notebook's scale"


# --- links --------------------------------------------------------------------------------------------------------


def _names(subjects: Subjects, arranged: list[Arranged]) -> Names:
    """Names of the terms, papers and talks that are there, and then of those that come."""
    names = Names()
    for row in subjects.rows:
        _add(names, row.kind, row.title, row.aliases, subjects.name_of(row), row.path)
    for item in arranged:
        page = item.page
        if page.kind in KINDS and item.choice.action == "own" and page.copy is None and not item.gone:
            _add(names, page.kind, page.title, page.front.get("aliases", []), page.title, f"pages/{page.path}")
    for row, title, authors in subjects.cited(item.page.body for item in arranged):
        name, work = subjects.name_of(row), row.kind in WORKS
        names.add(title, name, row.path, work=work, proper=len(title.split()) <= FEW)
        names.add(authors, name, row.path, work=work)
    return names


def _add(names: Names, kind: str, title: str, aliases: Sequence[str], name: str, path: str) -> None:
    work = kind in WORKS
    for said in (title, *aliases):
        # An ordinary word that only an alias makes a name, or the few words that a work is called by, mean the page
        # only where they are written as names are.
        proper = len(said.split()) <= FEW if work else said.strip().isalnum() and not _akin(said, title)
        names.add(said, name, path, work=work, proper=proper)


def _akin(word: str, title: str) -> bool:
    """Whether a word is one of those of a title, in some form, or all of them."""
    said = re.sub(r"[\W_]", "", title.lower())
    return word.lower()[: max(4, len(word) - 3)] in said
