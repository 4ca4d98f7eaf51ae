"""Captions of camera-trap frames, in the words that field notes use."""

from __future__ import annotations

import random

from glassbook.data.world.frames.scenes import Trigger
from glassbook.data.world.genres import Genres
from glassbook.data.world.reserve import Event, Reserve
from glassbook.data.world.writer import Document, TextWriter


class Captions(Genres):
    """Writes what the frames of a trigger show.

    Args:
        reserve: whose cameras they are of.
    """

    def __init__(self, reserve: Reserve) -> None:
        super().__init__(reserve)
        self._any = reserve.species[0]

    def caption(self, trigger: Trigger) -> Document:
        """ "Three herons at the ford, at dusk. Fog."; without an animal "Nothing at the ford, at dusk. Fog."

        The spans name species, count, place, time and weather as they are in the scene.
        """
        w = TextWriter(random.Random(f"{trigger.seed}-caption"))
        # without an animal there is no event, and the species is not told
        event = trigger.event or Event(
            self._any, 0, trigger.station.place, trigger.station.camera, trigger.month, trigger.day, trigger.time,
            trigger.weather,
        )  # fmt: skip
        start = w.next
        if trigger.event is None:
            w.say("nothing")
        else:
            self._animals(w, event.species, event.count)
        w.span(start, "count", str(event.count))
        w.say("at")
        self._place(w, event.place)
        w.stop(",")
        self._say(w, "time", event.time)
        w.stop()
        self._weather(w, event)
        w.stop()
        return w.document("caption")
