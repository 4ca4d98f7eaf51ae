"""Arms of a comparison of ways to steer: their scores on halves of texts, the strength picked, and a sample of each."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassbook.experiments.steering._topics import Topic
    from glassbook.nets import LanguageModel
    from glassbook.steer.apply import Intervention
    from glassbook.steer.effects import Condition, Effect


def arm_row(way: Condition, half: int, measured: list[dict[Condition, Effect]], texts: list[Any]) -> dict[str, Any]:
    """The effect of a way of steering on half of the texts on the topic and off it."""
    on, off = (effect[way] for effect in measured[:2])
    scores = {"on": on.ratio(texts[0]), "off": off.ratio(texts[1]), "kl": off.mean_kl(texts[1])}
    harmed = on.fraction_harmed(texts[0])
    return {"condition": way.name, "coeff": way.coeff, "half": ("dev", "test")[half], **scores, "harmed": harmed}


def pick(rows: list[dict[str, Any]], name: str, bound: float, or_nothing: bool = True) -> dict[str, Any]:
    """The test row of the strength that the dev half picks, with that half's ratio as "dev_on".

    It is the lowest on-topic ratio among the strengths whose off-topic ratio is at most `bound`. Where there is none,
    or none makes texts on the topic likelier (unless `or_nothing` is false), nothing is done: every arm, a prompt too,
    is held to the same damage.
    """
    dev, test = ([row for row in rows if (row["condition"], row["half"]) == (name, half)] for half in ("dev", "test"))
    allowed = [row for row in dev if row["off"] <= bound and (row["on"] < 1 or not or_nothing)]
    if not allowed:
        scores = {"on": 1.0, "off": 1.0, "kl": 0.0, "harmed": 0.0, "dev_on": 1.0}
        return {"condition": name, "coeff": 0.0, "half": "test", **scores}
    chosen = min(allowed, key=lambda row: row["on"])
    return next(row for row in test if row["coeff"] == chosen["coeff"]) | {"dev_on": chosen["on"]}


def best_vector(arms: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The arm of a vector that the dev half ranks first; `arms` are what `pick` gave, by name."""
    vectors = [row for name, row in arms.items() if name not in ("prompt", "other_prompt", "random")]
    return min(vectors, key=lambda row: row["dev_on"])


def ratio(measured: dict[Condition, Effect], row: dict[str, Any]) -> float:
    """The perplexity ratio of all texts under a way of steering; 1 where nothing is done."""
    chosen = (row["condition"], row["coeff"])
    return next((effect.ratio() for way, effect in measured.items() if (way.name, way.coeff) == chosen), 1.0)


def recalled(topic: Topic, intervention: Intervention | None) -> dict[str, float]:
    """The share of its facts that the model recalls, and by what share of them it recalls fewer when it is steered."""
    from glassbook.nets import recall

    known = recall(topic.lm, topic.known)
    with steered(topic.lm, intervention):
        left = recall(topic.lm, topic.known)
    return {"recall": known, "recall_drop": 1 - left / known if known else math.nan}


def steered(lm: LanguageModel, intervention: Intervention | None) -> AbstractContextManager[Any]:
    from glassbook.steer import steer

    return nullcontext() if intervention is None else steer(lm, intervention)


def sample(
    topic: Topic, row: dict[str, Any], interventions: dict[Any, Intervention], prompts: dict[Any, str], seed: int
) -> dict[str, Any]:
    """How varied the texts are that the model writes under a way of steering, and one of them."""
    from glassbook.measure.language import distinct_n, repetition

    lm, key = topic.lm, (row["condition"], row["coeff"])
    before = f"{prompts[key]} " if key in prompts else ""
    with steered(lm, interventions.get(key)):
        new = lm.generate_ids([before + start for start in topic.starts], tokens=24, temperature=0.8, seed=seed)
    return {"distinct_2": distinct_n(new, 2), "repetition": repetition(new, 4), "example": lm.decode(new[0])}
