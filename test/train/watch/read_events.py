"""Prints the scalars that TensorBoard itself finds in a folder of event files, as JSON: {tag: [[step, value], ...]}."""

import json
import sys

from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

events = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0})  # 0 keeps all
events.Reload()
tags = events.Tags()["tensors"]
print(json.dumps({tag: [[e.step, make_ndarray(e.tensor_proto).item()] for e in events.Tensors(tag)] for tag in tags}))
