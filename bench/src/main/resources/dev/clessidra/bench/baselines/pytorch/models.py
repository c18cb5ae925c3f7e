"""Clessidra's models in PyTorch, timed for its benchmarks: training steps, and answers to one image.

    models.py --device cuda:N|cpu [--compiled] [--tf32] [--threads N]

First prints a line with the versions. Then takes commands on the standard input, one a line, and answers
each with a line of JSON on the standard output:

    prepare ID WORK KIND FILE   reads a model and what it works on; {"result": [numbers]}
    run ID COUNT                does the work COUNT times; {"seconds": of them all}
    close ID                    forgets the model; {}

KIND is autoencoder, sparse-autoencoder, vae or unet; FILE starts with a line of JSON that gives name,
type ("float32", "int32") and shape of each array, whose numbers follow, little-endian. Parameters have
Clessidra's names and layouts: weights [inputs, outputs], filters [K, R, S, C]. Images are square.

WORK is training or latency:

- training: steps with Adam. "batches" are the samples of the checked steps, [steps, batch, values];
  "labels", "weights" and "noise", of the same form, belong to them. The result are the losses of these
  steps. A timed step draws its samples and its noise on the device. Time is the device's, by events, on a
  GPU, and the wall clock's on a CPU.
- latency: from "image" [1, values] in host memory, page-locked where there is a GPU, to the trained model's
  answer there, in inference mode: the reconstruction from the mean of the code, or the probabilities of
  each pixel's classes. The result is the answer, images as [N, H, W, C]. Time is the wall clock's, with both
  copies, on a GPU too.

With --compiled the loss, or the answer, is compiled by torch.compile and, on a GPU, the whole step, or what is
between the copies, replayed as one CUDA graph. Where a command fails the answer is {"error": "..."}, and the
next one is waited for.
"""

import argparse
import json
import math
import sys
import time

import torch
import torch.nn.functional as F

KL_RHO, KL_WEIGHT = 0.05, 0.1  # of the sparse autoencoder
MOMENTUM, EPSILON = 0.1, 1e-5  # of batch normalization
WARM_UP = 5


def read_arrays(path):
    """Returns the arrays of a file by name."""
    with open(path, "rb") as file:
        entries = json.loads(file.readline())
        arrays = {}
        for entry in entries:
            dtype = {"float32": torch.float32, "int32": torch.int32}[entry["type"]]
            count = 1
            for size in entry["shape"]:
                count *= size
            data = bytearray(file.read(4 * count))
            arrays[entry["name"]] = torch.frombuffer(data, dtype=dtype).reshape(entry["shape"])
    return arrays


class Model:
    """Parameters by Clessidra's names, in PyTorch's layouts.

    Subclasses have the loss that they give, and the answer of the trained model."""

    def __init__(self, arrays, device):
        self.device = device
        self.parameters = {}
        self.statistics = {}
        for name, values in arrays.items():
            if name.endswith(("running_mean", "running_variance")):
                self.statistics[name] = values.clone().to(device)
                continue
            if values.dim() == 4:
                # [K, R, S, C] is [K, C, R, S] in the channels-last format.
                values = values.permute(0, 3, 1, 2)
                values = values.to(device).clone(memory_format=torch.channels_last)
            elif values.dim() == 2:
                values = values.t().contiguous().to(device)
            else:
                values = values.clone().to(device)
            self.parameters[name] = values.requires_grad_()

    def linear(self, x, name):
        return F.linear(x, self.parameters[name + ".weight"], self.parameters[name + ".bias"])

    def count(self, prefix, suffix):
        return sum(name.startswith(prefix) and name.endswith(suffix) for name in self.parameters)


def cross_entropy(logits, x):
    """Of Bernoulli variables, averaged over the samples."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)


class Autoencoder(Model):
    def loss(self, x, noise, labels, weights):
        return cross_entropy(self.decode(self.encode(x)), x)

    def answer(self, x):
        return torch.sigmoid(self.decode(self.encode(x)))

    def encode(self, x):
        layers = self.count("encoder.", ".weight")
        for i in range(layers):
            x = self.linear(x, f"encoder.{i}")
            if i < layers - 1:
                x = F.relu(x)
        return x

    def decode(self, code):
        layers = self.count("encoder.", ".weight")
        logits = code
        for i in range(layers):
            weight = self.parameters.get(f"decoder.{i}.weight")
            if weight is None:  # tied
                weight = self.parameters[f"encoder.{layers - 1 - i}.weight"].t()
            logits = F.linear(logits, weight, self.parameters[f"decoder.{i}.bias"])
            if i < layers - 1:
                logits = F.relu(logits)
        return logits


class SparseAutoencoder(Autoencoder):
    def encode(self, x):
        return torch.sigmoid(self.linear(x, "encoder.0"))

    def loss(self, x, noise, labels, weights):
        code = self.encode(x)
        mean = code.mean(0).clamp(1e-6, 1 - 1e-6)
        divergence = KL_RHO * torch.log(KL_RHO / mean)
        divergence = divergence + (1 - KL_RHO) * torch.log((1 - KL_RHO) / (1 - mean))
        return cross_entropy(self.decode(code), x) + KL_WEIGHT * divergence.sum()


class Vae(Model):
    def loss(self, x, noise, labels, weights):
        hidden = self.features(x)
        mean = self.linear(hidden, "mean")
        log_variance = self.linear(hidden, "log_variance")
        logits = self.decode(mean + torch.exp(0.5 * log_variance) * noise)
        divergence = 0.5 * (log_variance.exp() + mean * mean - 1 - log_variance).sum()
        return divergence / len(x) + cross_entropy(logits, x)

    def answer(self, x):
        return torch.sigmoid(self.decode(self.linear(self.features(x), "mean")))

    def features(self, x):
        levels = self.levels()
        if levels > 0:
            side = math.isqrt(x.shape[1])
            x = x.reshape(len(x), 1, side, side)
            for i in range(levels):
                x = self.activate(self.convolution(F.conv2d, x, f"encoder.convolution.{i}"))
            x = x.permute(0, 2, 3, 1).reshape(len(x), -1)
        for i in range(self.layers()):
            x = self.activate(self.linear(x, f"encoder.{i}"))
        return x

    def decode(self, code):
        levels, layers = self.levels(), self.layers()
        x = code
        for i in range(layers + 1):
            x = self.linear(x, f"decoder.{i}")
            if i < layers or levels > 0:
                x = self.activate(x)
        if levels > 0:
            channels = self.parameters["decoder.convolution.0.filter"].shape[0]
            side = math.isqrt(x.shape[1] // channels)
            x = x.reshape(len(x), side, side, channels).permute(0, 3, 1, 2)
            for i in range(levels):
                x = self.convolution(F.conv_transpose2d, x, f"decoder.convolution.{i}")
                if i < levels - 1:
                    x = self.activate(x)
            x = x.reshape(len(x), -1)
        return x

    def levels(self):
        return self.count("encoder.convolution.", ".filter")

    def layers(self):
        return self.count("encoder.", ".weight")

    def activate(self, x):
        # Burda's has three layers and tanh, the others one and ReLU.
        return torch.tanh(x) if self.layers() > 1 else F.relu(x)

    def convolution(self, function, x, name):
        filters = self.parameters[name + ".filter"]
        return function(x, filters, self.parameters[name + ".bias"], stride=2, padding=1)


class UNet(Model):
    def loss(self, x, noise, labels, weights):
        logits = self.logits(x, training=True)
        labels = labels.reshape(len(x), *logits.shape[2:])
        errors = F.cross_entropy(logits, labels, reduction="none")
        return (errors if weights is None else errors * weights.reshape(errors.shape)).mean()

    def answer(self, x):
        return torch.softmax(self.logits(x, training=False), 1).permute(0, 2, 3, 1)

    def logits(self, x, training):
        depth = self.count("encoder.", ".0.weight")
        channels = self.parameters["encoder.0.0.weight"].shape[1]
        side = math.isqrt(x.shape[1] // channels)
        x = x.reshape(len(x), side, side, channels).permute(0, 3, 1, 2)  # channels last in memory
        skipped = []
        for level in range(depth):
            x = self.block(x, f"encoder.{level}", training)
            skipped.append(x)
            x = F.max_pool2d(x, 2)
        x = self.block(x, "bottom", training)
        for level in reversed(range(depth)):
            name = f"decoder.{level}"
            up = F.conv_transpose2d(
                x, self.parameters[name + ".up.weight"], self.parameters[name + ".up.bias"], stride=2)
            x = self.block(torch.cat((skipped[level], up), 1), name, training)
        return F.conv2d(x, self.parameters["output.weight"], self.parameters["output.bias"])

    def block(self, x, name, training):
        for layer in (f"{name}.0", f"{name}.1"):
            x = F.conv2d(x, self.parameters[layer + ".weight"], padding=1)
            x = F.batch_norm(
                x, self.statistics[layer + ".running_mean"], self.statistics[layer + ".running_variance"],
                self.parameters[layer + ".scale"], self.parameters[layer + ".shift"],
                training=training, momentum=MOMENTUM, eps=EPSILON)
            x = F.relu(x)
        return x


KINDS = {
    "autoencoder": Autoencoder,
    "sparse-autoencoder": SparseAutoencoder,
    "vae": Vae,
    "unet": UNet,
}


def compiled_for_its_sizes(function):
    """Compiles for the sizes of one model: from the second on PyTorch would make kernels for any size, and would
    give up after some more."""
    torch.compiler.reset()
    return torch.compile(function, dynamic=False)


def warm_up(step, one_graph):
    """Takes a step some times. Returns what takes it from then on, on a GPU the replay of a CUDA graph."""
    if not one_graph:
        for _ in range(WARM_UP):
            step()
        return step
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


class Training:
    """Steps of training a model with Adam."""

    def __init__(self, kind, path, device, compiled):
        arrays = read_arrays(path)
        self.cuda = device.type == "cuda"
        self.batches = arrays.pop("batches").to(device)
        labels = arrays.pop("labels", None)
        weights = arrays.pop("weights", None)
        noise = arrays.pop("noise", None)
        self.labels = None if labels is None else labels.to(device).long()
        self.weights = None if weights is None else weights.to(device)
        self.noise = None if noise is None else noise.to(device)
        self.model = KINDS[kind](arrays, device)
        self.loss = compiled_for_its_sizes(self.model.loss) if compiled else self.model.loss
        self.one_graph = self.cuda and compiled
        self.optimizer = torch.optim.Adam(
            self.model.parameters.values(), lr=1e-3, fused=True, capturable=self.one_graph)
        self.step = self.draw_and_update
        # What a step reads, at fixed places, as a graph needs it.
        self.inputs = [None if source is None else source[0].clone() for source in self.sources()]

    def sources(self):
        return self.batches, self.noise, self.labels, self.weights

    def update(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(*self.inputs)
        loss.backward()
        self.optimizer.step()
        return loss

    def prepare(self):
        """Returns the losses of the steps on the given batches, and gets ready for others."""
        losses = []
        for step in range(len(self.batches)):
            for place, source in zip(self.inputs, self.sources()):
                if source is not None:
                    place.copy_(source[step])
            losses.append(self.update().item())
        self.step = warm_up(self.draw_and_update, self.one_graph)
        return losses

    def draw(self):
        """Takes a random batch out of memory, and new noise."""
        batches, _, labels, weights = self.sources()
        count = batches.shape[0] * batches.shape[1]
        rows = torch.randint(count, (batches.shape[1],), device=batches.device)
        x, noise, y, w = self.inputs
        torch.index_select(batches.flatten(0, 1), 0, rows, out=x)
        if y is not None:
            torch.index_select(labels.flatten(0, 1), 0, rows, out=y)
        if w is not None:
            torch.index_select(weights.flatten(0, 1), 0, rows, out=w)
        if noise is not None:
            noise.normal_()

    def draw_and_update(self):
        self.draw()
        self.update()

    def run(self, count):
        """Returns the seconds that steps take."""
        if not self.cuda:
            start = time.perf_counter()
            for _ in range(count):
                self.step()
            return time.perf_counter() - start
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        for _ in range(count):
            self.step()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3


class Latency:
    """From an image in host memory to the trained model's answer there."""

    def __init__(self, kind, path, device, compiled):
        arrays = read_arrays(path)
        self.cuda = device.type == "cuda"
        image = arrays.pop("image")
        self.image = image.pin_memory() if self.cuda else image
        self.model = KINDS[kind](arrays, device)
        self.function = compiled_for_its_sizes(self.model.answer) if compiled else self.model.answer
        self.one_graph = self.cuda and compiled
        self.step = self.compute
        # At a fixed place, as a graph needs it.
        self.input = torch.zeros_like(image, device=device)
        self.output = self.output_on_host = None

    def compute(self):
        self.output = self.function(self.input)

    def answer(self):
        """Returns the answer in host memory."""
        self.input.copy_(self.image, non_blocking=True)
        self.step()
        if not self.cuda:
            return self.output
        if self.output_on_host is None:
            self.output_on_host = torch.empty_like(self.output, device="cpu").pin_memory()
        self.output_on_host.copy_(self.output, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        return self.output_on_host

    @torch.inference_mode()
    def prepare(self):
        """Returns the numbers of the answer, which is had as it is timed."""
        self.step = warm_up(self.compute, self.one_graph)
        return self.answer().flatten().tolist()

    @torch.inference_mode()
    def run(self, count):
        """Returns the seconds that answers take, one after the other."""
        start = time.perf_counter()
        for _ in range(count):
            self.answer()
        return time.perf_counter() - start


WORKS = {
    "training": Training,
    "latency": Latency,
}


def answer(**values):
    print(json.dumps(values), flush=True)


def execute(line, works, options):
    """Carries a command out; returns the answer to it. What fails is left to the garbage collector."""
    command, name, *arguments = line.rstrip("\n").split(" ", maxsplit=4)
    if command == "prepare":
        work, kind, path = arguments
        prepared = WORKS[work](kind, path, torch.device(options.device), options.compiled)
        result = prepared.prepare()
        works[name] = prepared
        return {"result": result}
    if command == "run":
        return {"seconds": works[name].run(int(arguments[0]))}
    if command == "close":
        del works[name]
        return {}
    raise ValueError(f"command {command} is unknown: expected prepare, run or close")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", required=True)
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.device.startswith("cuda"):
        if not torch.cuda.is_available():
            answer(error=f"PyTorch {torch.__version__} sees no GPU")
            return 1
        torch.cuda.set_device(torch.device(options.device))
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high" if options.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = options.tf32
    torch.backends.cudnn.benchmark = True
    answer(version=torch.__version__, cuda=torch.version.cuda, cudnn=torch.backends.cudnn.version())
    works = {}
    for line in sys.stdin:
        try:
            answer(**execute(line, works, options))
        except Exception as error:  # what went wrong is for the other side to tell
            answer(error=" ".join(f"{type(error).__name__}: {error}".split()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
