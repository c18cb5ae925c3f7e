"""Training steps of Clessidra's models in PyTorch, timed for its benchmarks.

    training_steps.py --device cuda:N|cpu [--compiled] [--tf32] [--threads N]

First prints a line with the versions. Then takes commands on the standard input, one a line, and answers
each with a line of JSON on the standard output:

    prepare ID KIND FILE    reads a model's parameters and batches; {"losses": [of the steps on these batches]}
    run ID COUNT            trains COUNT steps; {"seconds": of them all}
    close ID                forgets the model; {}

KIND is autoencoder, sparse-autoencoder, vae or unet; FILE starts with a line of JSON that gives name,
type ("float32", "int32") and shape of each array, whose numbers follow, little-endian. Parameters have
Clessidra's names and layouts: weights [inputs, outputs], filters [K, R, S, C]. "batches" are the
samples of the checked steps, [steps, batch, values]; "labels", "weights" and "noise", of the same
form, belong to them. Images are square.

A timed step draws its samples and its noise on the device. With --compiled the loss is compiled by
torch.compile and, on a GPU, the whole step replayed as one CUDA graph. Time is the device's, by events,
on a GPU, and the wall clock's on a CPU. Where a command fails the answer is {"error": "..."}, and the next
one is waited for.
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
    """Parameters by Clessidra's names, in PyTorch's layouts, and the loss that they give."""

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


class Autoencoder(Model):
    def loss(self, x, noise, labels, weights):
        layers = self.count("encoder.", ".weight")
        code = x
        for i in range(layers):
            code = self.linear(code, f"encoder.{i}")
            if i < layers - 1:
                code = F.relu(code)
        logits = code
        for i in range(layers):
            weight = self.parameters.get(f"decoder.{i}.weight")
            if weight is None:  # tied
                weight = self.parameters[f"encoder.{layers - 1 - i}.weight"].t()
            logits = F.linear(logits, weight, self.parameters[f"decoder.{i}.bias"])
            if i < layers - 1:
                logits = F.relu(logits)
        return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)


class SparseAutoencoder(Model):
    def loss(self, x, noise, labels, weights):
        code = torch.sigmoid(self.linear(x, "encoder.0"))
        logits = self.linear(code, "decoder.0")
        mean = code.mean(0).clamp(1e-6, 1 - 1e-6)
        divergence = KL_RHO * torch.log(KL_RHO / mean)
        divergence = divergence + (1 - KL_RHO) * torch.log((1 - KL_RHO) / (1 - mean))
        error = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        return error + KL_WEIGHT * divergence.sum()


class Vae(Model):
    def loss(self, x, noise, labels, weights):
        levels = self.count("encoder.convolution.", ".filter")
        layers = self.count("encoder.", ".weight")
        # Burda's has three layers and tanh, the others one and ReLU.
        activation = torch.tanh if layers > 1 else F.relu
        hidden = x
        if levels > 0:
            side = math.isqrt(x.shape[1])
            hidden = x.reshape(len(x), 1, side, side)
            for i in range(levels):
                hidden = activation(self.convolution(F.conv2d, hidden, f"encoder.convolution.{i}"))
            _, channels, height, width = hidden.shape
            hidden = hidden.permute(0, 2, 3, 1).reshape(len(x), -1)
        for i in range(layers):
            hidden = activation(self.linear(hidden, f"encoder.{i}"))
        mean = self.linear(hidden, "mean")
        log_variance = self.linear(hidden, "log_variance")
        hidden = mean + torch.exp(0.5 * log_variance) * noise
        for i in range(layers + 1):
            hidden = self.linear(hidden, f"decoder.{i}")
            if i < layers or levels > 0:
                hidden = activation(hidden)
        if levels > 0:
            hidden = hidden.reshape(len(x), height, width, channels).permute(0, 3, 1, 2)
            for i in range(levels):
                hidden = self.convolution(F.conv_transpose2d, hidden, f"decoder.convolution.{i}")
                if i < levels - 1:
                    hidden = activation(hidden)
            hidden = hidden.reshape(len(x), -1)
        divergence = 0.5 * (log_variance.exp() + mean * mean - 1 - log_variance).sum()
        error = F.binary_cross_entropy_with_logits(hidden, x, reduction="sum")
        return (divergence + error) / len(x)

    def convolution(self, function, x, name):
        filters = self.parameters[name + ".filter"]
        return function(x, filters, self.parameters[name + ".bias"], stride=2, padding=1)


class UNet(Model):
    def loss(self, x, noise, labels, weights):
        depth = self.count("encoder.", ".0.weight")
        side = math.isqrt(labels.shape[1])
        labels = labels.reshape(-1, side, side)
        x = x.reshape(len(x), side, side, -1).permute(0, 3, 1, 2)  # channels last in memory
        skipped = []
        for level in range(depth):
            x = self.block(x, f"encoder.{level}")
            skipped.append(x)
            x = F.max_pool2d(x, 2)
        x = self.block(x, "bottom")
        for level in reversed(range(depth)):
            name = f"decoder.{level}"
            up = F.conv_transpose2d(
                x, self.parameters[name + ".up.weight"], self.parameters[name + ".up.bias"], stride=2)
            x = self.block(torch.cat((skipped[level], up), 1), name)
        logits = F.conv2d(x, self.parameters["output.weight"], self.parameters["output.bias"])
        errors = F.cross_entropy(logits, labels, reduction="none")
        return (errors if weights is None else errors * weights.reshape(errors.shape)).mean()

    def block(self, x, name):
        for layer in (f"{name}.0", f"{name}.1"):
            x = F.conv2d(x, self.parameters[layer + ".weight"], padding=1)
            x = F.batch_norm(
                x, self.statistics[layer + ".running_mean"], self.statistics[layer + ".running_variance"],
                self.parameters[layer + ".scale"], self.parameters[layer + ".shift"],
                training=True, momentum=MOMENTUM, eps=EPSILON)
            x = F.relu(x)
        return x


KINDS = {
    "autoencoder": Autoencoder,
    "sparse-autoencoder": SparseAutoencoder,
    "vae": Vae,
    "unet": UNet,
}


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
        self.loss = torch.compile(self.model.loss) if compiled else self.model.loss
        self.optimizer = torch.optim.Adam(
            self.model.parameters.values(), lr=1e-3, fused=True, capturable=self.cuda and compiled)
        self.one_graph = self.cuda and compiled
        self.graph = None
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

    def check(self):
        """Returns the losses of the steps on the given batches."""
        losses = []
        for step in range(len(self.batches)):
            for place, source in zip(self.inputs, self.sources()):
                if source is not None:
                    place.copy_(source[step])
            losses.append(self.update().item())
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

    def step(self):
        self.draw()
        self.update()

    def warm_up(self):
        if not self.one_graph:
            for _ in range(WARM_UP):
                self.step()
            return
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()

    def run(self, count):
        """Returns the seconds that steps take."""
        step = self.graph.replay if self.graph is not None else self.step
        if not self.cuda:
            start = time.perf_counter()
            for _ in range(count):
                step()
            return time.perf_counter() - start
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        for _ in range(count):
            step()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3


def answer(**values):
    print(json.dumps(values), flush=True)


def execute(line, trainings, options):
    """Carries a command out; returns the answer to it. What fails is left to the garbage collector."""
    command, name, *arguments = line.rstrip("\n").split(" ", maxsplit=3)
    if command == "prepare":
        kind, path = arguments
        training = Training(kind, path, torch.device(options.device), options.compiled)
        losses = training.check()
        training.warm_up()
        trainings[name] = training
        return {"losses": losses}
    if command == "run":
        return {"seconds": trainings[name].run(int(arguments[0]))}
    if command == "close":
        del trainings[name]
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
    trainings = {}
    for line in sys.stdin:
        try:
            answer(**execute(line, trainings, options))
        except Exception as error:  # what went wrong is for the other side to tell
            answer(error=" ".join(f"{type(error).__name__}: {error}".split()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
