"""The Reserve as its camera traps see it: bursts of frames with masks, boxes and what is on them.

scenes.py     what sets a camera off, and the scenes of a burst
looks.py      the animals: body plans, shapes and colours
stations.py   what each camera looks at
painting.py   animals as pixels
drawing.py    whole frames, with light, weather and noise
captions.py   what they show, in words
sampling.py   frames with large animals, for models that see few pixels
"""

from glassbook.data.world.frames.captions import Captions
from glassbook.data.world.frames.drawing import Frames, draw
from glassbook.data.world.frames.sampling import close_frames
from glassbook.data.world.frames.scenes import Animal, Scene, Trigger, long_tail, split, stations, triggers
from glassbook.data.world.frames.stations import Station

__all__ = [
    "Animal", "Captions", "Frames", "Scene", "Station", "Trigger", "close_frames", "draw", "long_tail", "split",
    "stations", "triggers",
]  # fmt: skip
