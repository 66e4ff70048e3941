"""The nets of this package written once more, from the papers, in Keras: no line is shared with what trains or samples.

Plain: van den Oord et al. 2016, arXiv:1601.06759, section 3.5. A masked convolution is one product for each neighbour that
may be read, so nothing is masked. Gated, and class vectors: van den Oord et al. 2016b, arXiv:1606.05328, section 2. The
image is shifted once, a row down for the vertical stack and a column to the right for the horizontal one; all convolutions
after that see their own row or column. Variables are called as in a model file.
"""

import keras
from keras import layers, ops

GATES = {
    "tanh": lambda a, b: ops.tanh(a) * ops.sigmoid(b),
    "relu": lambda a, b: ops.relu(a) * ops.clip(b / 4 + 0.5, 0, 1),
}


def build(config):
    """A model from levels [images, height, width], and labels [images] where the net has classes, to logits."""
    image = keras.Input((config["height"], config["width"]), dtype="int32")
    label = keras.Input((), dtype="int32") if config.get("classes") else None
    net = {"plain": plain, "gated": gated}[config["architecture"]]
    logits = net(config, channels_of(config, image), label)
    return keras.Model([image] if label is None else [image, label], logits)


def nats(logits, levels):
    """What levels cost given their logits, the mean over all of them: by a sigmoid where there is one logit, else a softmax."""
    if logits.shape[-1] == 1:
        return ops.mean(ops.softplus(logits[..., 0]) - logits[..., 0] * ops.cast(levels, logits.dtype))
    return -ops.mean(ops.sum(ops.log_softmax(logits) * ops.one_hot(levels, logits.shape[-1]), axis=-1))


class Adam:
    """Kingma and Ba 2015, arXiv:1412.6980, in the order of the end of section 2, as Keras has it. Keras's own takes the decay
    of 0.999 in single precision whatever else it computes in, which makes its first steps too long by 6e-6; and of a row of a
    table that is read twice it squares the parts of the gradient instead of their sum."""

    def __init__(self, variables, rate, decays=(0.9, 0.999), epsilon=1e-7):
        self.variables, self.rate, self.decays, self.epsilon, self.step = variables, rate, decays, epsilon, 0
        self.means = [(ops.zeros(variable.shape), ops.zeros(variable.shape)) for variable in variables]

    def update(self, gradients):
        self.step += 1
        (first, second), t = self.decays, self.step
        rate = self.rate * (1 - second**t) ** 0.5 / (1 - first**t)
        for place, (variable, gradient) in enumerate(zip(self.variables, gradients, strict=True)):
            m, v = self.means[place]
            m, v = first * m + (1 - first) * gradient, second * v + (1 - second) * gradient**2
            self.means[place] = m, v
            variable.assign_sub(rate * m / (ops.sqrt(v) + self.epsilon))


def variables_of(model):
    """The variables of a model by the names of a model file's tensors."""
    found = {}
    for layer in model.layers:
        for variable in layer.trainable_variables:
            own = "" if isinstance(layer, layers.Embedding) else f".{variable.name}"
            found[layer.name + own] = variable
    return found


def channels_of(config, image):
    """What the first layers read, [images, height, width, channels]."""
    levels = config["levels"]
    if config.get("input", "ordinal") == "ordinal":
        return layers.Lambda(lambda x: ops.cast(x, keras.config.floatx())[..., None] / (levels - 1))(image)
    if config.get("embedding"):
        return layers.Embedding(levels, config["embedding"], name="embedding")(image)
    return layers.Lambda(lambda x: ops.one_hot(x, levels))(image)


def plain(config, x, label):
    filters, lean = config["filters"], config.get("lean", 0)
    dilations = config.get("dilations", [1])
    hidden = layers.Activation(config.get("activation", "relu"))

    def one(name, width, y):
        return layers.Conv2D(width, 1, name=name)(y)

    x = hidden(with_class(config, label, "stem", Neighbours("stem", "A", filters, config["firstKernel"])(x)))
    for n in range(config["blocks"]):
        y = hidden(one(f"blocks.{n}.in", filters, x))
        name = f"blocks.{n}.conv"
        conv = Neighbours(name, "B", filters // 2, config["blockKernel"], lean, dilations[n % len(dilations)])
        y = hidden(with_class(config, label, name, conv(y)))
        x = x + hidden(one(f"blocks.{n}.out", filters, y))
    for n in range(config["headLayers"]):
        x = hidden(one(f"heads.{n}", filters, x))
    return one("logits", outputs_of(config), x)


def gated(config, x, label):
    filters, dilations = config["filters"], config.get("dilations", [1])
    gate = layers.Lambda(lambda sums: GATES[config.get("activation", "tanh")](*ops.split(sums, 2, axis=-1)))

    def one(name, width, y, bias=True):
        return layers.Conv2D(width, 1, use_bias=bias, name=name)(y)

    def causal(name, y, rows, columns, sides, dilation):
        """Reads `rows` up to the pixel's own, and `columns` of which `sides` lie to the right of the pixel."""
        reach = dilation * (columns - 1 - sides)
        padded = layers.ZeroPadding2D(((dilation * (rows - 1), 0), (reach, dilation * sides)))(y)
        conv = layers.Conv2D(2 * filters, (rows, columns), dilation_rate=dilation, name=name)
        return with_class(config, label, name, conv(padded))

    down = layers.Cropping2D(((0, 1), (0, 0)))(layers.ZeroPadding2D(((1, 0), (0, 0)))(x))
    right = layers.Cropping2D(((0, 0), (0, 1)))(layers.ZeroPadding2D(((0, 0), (1, 0)))(x))
    v, h, skips = down, right, []
    for n in range(config["blocks"] + 1):
        side = (config["blockKernel"] if n else config["firstKernel"]) // 2
        # The shift has taken the place of the first kernels' own row and column.
        reach = side + 1 if n else side
        dilation = dilations[(n - 1) % len(dilations)] if n else 1
        v_sums = causal(f"v.{n}.conv", v, reach, 2 * side + 1, side, dilation)
        h_sums = causal(f"h.{n}.conv", h, 1, reach, 0, dilation)
        h_gated = gate(h_sums + one(f"h.{n}.vertical", 2 * filters, v_sums, bias=False))
        skips.append(one(f"skip.{n}", 2 * filters, h_gated, bias=False))
        if n == config["blocks"]:
            break
        v_gated, h_out = gate(v_sums), one(f"h.{n}.out", filters, h_gated)
        v, h = (v + v_gated, h + h_out) if n else (v_gated, h_out)
    y = ops.relu(Bias(name="skip")(sum(skips[1:], skips[0])))
    for n in range(config["headLayers"]):
        y = ops.relu(one(f"heads.{n}", 2 * filters, y))
    return one("logits", outputs_of(config), y)


def outputs_of(config):
    return 1 if config["levels"] == 2 else config["levels"]


def with_class(config, label, name, sums):
    """Adds the vector that the layer has for a class, before anything is done to its sums."""
    if label is None:
        return sums
    vector = layers.Embedding(config["classes"], sums.shape[-1], name=f"{name}.class")(label)
    return sums + layers.Reshape((1, 1, sums.shape[-1]))(vector)


class Neighbours(layers.Layer):
    """The masked convolution of a kernel [size, size]: mask A leaves out the pixel's own place. `lean` moves the places
    of a row by as many columns to the right, for each row that it lies above the pixel's own."""

    def __init__(self, name, mask, filters, size, lean=0, dilation=1):
        super().__init__(name=name)
        self.filters, self.size = filters, size
        half = size // 2
        self.places = {
            (row, column): (dilation * (row - half), dilation * (column - half + lean * (half - row)))
            for row in range(half + 1)
            for column in range(size if row < half else half + (mask == "B"))
        }

    def build(self, shape):
        self.kernel = self.add_weight(shape=(self.size, self.size, shape[-1], self.filters), name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), name="bias")

    def call(self, x):
        reads = [ops.matmul(moved(x, *offset), self.kernel[place]) for place, offset in self.places.items()]
        return sum(reads, self.bias)


class Bias(layers.Layer):
    def build(self, shape):
        self.bias = self.add_weight(shape=(shape[-1],), name="bias")

    def call(self, x):
        return x + self.bias


def moved(x, dy, dx):
    """At each place what stands `dy` rows down and `dx` columns to the right of it; zeros come in from outside."""
    height, width = x.shape[1:3]
    around = ops.pad(x, [(0, 0), (max(-dy, 0), max(dy, 0)), (max(-dx, 0), max(dx, 0)), (0, 0)])
    return around[:, max(dy, 0) : max(dy, 0) + height, max(dx, 0) : max(dx, 0) + width]
