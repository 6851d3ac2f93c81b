"""The three networks, the Langevin step and the training iteration of ebm.cu in PyTorch, for bench_torch.py.

Written to be fast in PyTorch rather than short: functional, weights cast once where they do not change, the
head as the product that the sum of its outputs is, in-place activations, Adam fused where PyTorch has that.
Shapes, layers and settings come from `ebm bench --json`. Values are not those of ebm.cu: weights are random.

PyTorch pads both sides alike and would copy every image to pad [1, 2] or [0, 1]. With images and kernels
mirrored the same network pads [2, 1] and [1, 0], which is what padding 2 and 1 come to where the stride never
reaches the last column of zeros; only where it does the image is copied.
"""
import torch
import torch.nn.functional as F


class Place:
    """Where and how a variant computes: device, dtype of the matrix work, layout. Parameters are fp32."""

    def __init__(self, device, dtype, memory_format):
        self.device, self.dtype, self.format = device, dtype, memory_format

    def parameter(self, *shape, scale=0.05):
        w = scale * torch.randn(*shape)
        if len(shape) == 4:
            w = w.contiguous(memory_format=self.format)
        return w.to(self.device).requires_grad_(True)

    def images(self, batch, image):
        height, width, channels = image
        x = torch.rand(batch, channels, height, width) * 2 - 1
        return x.to(self.device).contiguous(memory_format=self.format)


class Convs:
    """Convolutions with leaky ReLU; parameters are [w, b, w, b, ...]."""

    def __init__(self, layers, image, place):
        self.layers, self.parameters = [], []
        height, width, channels = image
        for layer in layers:
            kernel, stride, (before, after) = layer["kernel"], layer["stride"], layer["pad"]
            self.parameters += [place.parameter(layer["channels"], channels, kernel, kernel),
                                place.parameter(layer["channels"], scale=0)]
            sizes = [(edge + before + after - kernel) // stride + 1 for edge in (height, width)]
            pad = max(before, after)
            same = sizes == [(edge + 2 * pad - kernel) // stride + 1 for edge in (height, width)]
            border = None if same else (after, before, after, before)
            self.layers.append((stride, pad if same else 0, border, layer["negative_slope"]))
            channels, (height, width) = layer["channels"], sizes
        self.map = (channels, height, width)

    def __call__(self, h, parameters, drop=0.0):
        for i, (stride, pad, border, slope) in enumerate(self.layers):
            if border:
                h = F.pad(h, border)
            h = F.leaky_relu_(F.conv2d(h, parameters[2 * i], parameters[2 * i + 1], stride, pad), slope)
            if drop:
                h = F.dropout(h, drop)
        return h


class Energy:
    """Sum of f over a batch. head: 'outputs' as published, 'one' with summed weights, 'dot' that as a product."""

    def __init__(self, step, head, place):
        self.head, self.dtype = head, place.dtype
        self.convs = Convs(step["convs"], step["image"], place)
        outputs = step["outputs"] if head == "outputs" else 1
        self.parameters = self.convs.parameters + [place.parameter(outputs, *self.convs.map),
                                                   place.parameter(outputs, scale=0)]

    def frozen(self):
        """The parameters as a chain needs them: in the dtype of the matrix work, without gradient."""
        return [p.detach().to(self.dtype) for p in self.parameters]

    def __call__(self, x, parameters):
        *convs, w, b = parameters
        h = self.convs(x.to(self.dtype), convs)
        if self.head == "dot":
            return (h * w).sum(dtype=torch.float32)
        return F.conv2d(h, w, b).sum(dtype=torch.float32)


class Generator:
    def __init__(self, config, latent, place):
        self.dtype, self.layers, self.parameters = place.dtype, [], []
        channels = latent
        for layer in config["layers"]:
            before, after = layer["pad"]
            self.parameters += [place.parameter(channels, layer["channels"], layer["kernel"], layer["kernel"]),
                                place.parameter(layer["channels"], scale=0)]
            pad = max(before, after)
            # without a scale, but cuDNN's routine takes one
            ones = torch.ones(layer["channels"], device=place.device) if layer["batch_norm"] else None
            self.layers.append((layer["stride"], pad, 2 * pad - before - after, ones, layer["negative_slope"]))
            channels = layer["channels"]

    def __call__(self, z):
        h = z.to(self.dtype)[:, :, None, None]
        for i, (stride, pad, extra, ones, slope) in enumerate(self.layers):
            w, shift = self.parameters[2 * i].to(self.dtype), self.parameters[2 * i + 1]
            bias = shift.to(self.dtype) if ones is None else None
            h = F.conv_transpose2d(h, w, bias, stride, pad, extra)
            if ones is not None:
                h = F.batch_norm(h, None, None, ones, shift, training=True, eps=1e-3)
            h = torch.tanh(h) if i + 1 == len(self.layers) else F.leaky_relu_(h, slope)
        return h.float()


class Encoder:
    def __init__(self, config, image, latent, place):
        self.dtype, self.drop = place.dtype, 1 - config["dropout_keep"]
        self.convs = Convs(config["layers"], image, place)
        channels, height, width = self.convs.map
        # mean and log variance are one product
        self.parameters = self.convs.parameters + [place.parameter(2 * latent, channels * height * width),
                                                   place.parameter(2 * latent, scale=0)]

    def __call__(self, x):
        *convs, w, b = [p.to(self.dtype) for p in self.parameters]
        h = self.convs(x.to(self.dtype), convs, self.drop)
        return F.linear(h.flatten(1), w, b).float().chunk(2, 1)


def update(step, x, df_dx):
    """(6), x changed in place."""
    if step["sigma_ref"]:
        x.mul_(1 - step["drift"] / step["sigma_ref"] ** 2)
    x.add_(df_dx, alpha=step["drift"])
    if step["noise"]:
        x.add_(torch.randn_like(x), alpha=step["noise"])
    if step["clamp"]:
        x.clamp_(-step["clamp"], step["clamp"])
    return x


def eager_step(energy, step):
    """A function that changes x in place and returns it."""
    def run(x, parameters):
        leaf = x.detach().requires_grad_(True)  # the same memory
        (df_dx,) = torch.autograd.grad(energy(leaf, parameters), leaf)
        with torch.no_grad():
            return update(step, x.detach(), df_dx)
    return run


def functional_step(energy, step):
    """The same without touching its arguments, as torch.compile likes it (PyTorch 2)."""
    def run(x, parameters):
        return update(step, x.clone(), torch.func.grad(energy)(x, parameters))
    return run


class Training:
    """One iteration of Algorithm 1 at the recipe's batch and chains; `wrap` compiles a function or returns it."""

    def __init__(self, step, training, place, langevin=eager_step, wrap=lambda function: function):
        self.step, self.training, self.place = step, training, place
        latent = training["latent"]
        self.energy = Energy(step, "dot", place)
        self.generator = Generator(training["generator"], latent, place)
        self.encoder = Encoder(training["encoder"], step["image"], latent, place)
        on_gpu = place.device != "cpu"
        adam = dict(betas=(training["beta1"], training["beta2"]), **(dict(fused=True, capturable=True) if on_gpu else {}))
        self.energy_adam = torch.optim.Adam(self.energy.parameters, lr=training["energy_lr"], **adam)
        self.vae_parameters = self.encoder.parameters + self.generator.parameters
        self.vae_adam = torch.optim.Adam(self.vae_parameters, lr=training["vae_lr"], **adam)
        self.data = place.images(training["batch"], step["image"])
        self.langevin = wrap(langevin(self.energy, step))
        self.energy_loss, self.vae_loss, self.ancestral = map(wrap, (self._energy_loss, self._vae_loss, self._ancestral))

    def _ancestral(self):
        z = torch.randn(self.training["chains"], self.training["latent"], device=self.place.device)
        return self.generator(z)

    def _energy_loss(self, data, x_tilde):
        parameters = [p.to(self.place.dtype) for p in self.energy.parameters]
        return self.energy(x_tilde, parameters) / len(x_tilde) - self.energy(data, parameters) / len(data)

    def _vae_loss(self, x_tilde):
        mu, log_v = self.encoder(x_tilde)
        z = mu + (0.5 * log_v).exp() * torch.randn_like(mu)
        reconstruction = (self.generator(z) - x_tilde).square().sum()
        kl = 0.5 * (mu.square() + log_v.exp() - log_v - 1).sum()
        return (reconstruction + self.training["kl_weight"] * kl) / len(x_tilde)

    @staticmethod
    def _descend(adam, parameters, loss):
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters, allow_unused=True)):
            parameter.grad = gradient  # the head's bias drops out of the difference
        adam.step()

    def check(self):
        """Nothing: random images and the recipes' learning rates may leave what is finite."""

    def __call__(self):
        with torch.no_grad():
            x = self.ancestral().contiguous(memory_format=self.place.format)
        frozen = self.energy.frozen()
        for _ in range(self.step["num_steps"]):
            x = self.langevin(x, frozen)
        x = x.detach()
        self._descend(self.energy_adam, self.energy.parameters, self.energy_loss(self.data, x))
        self._descend(self.vae_adam, self.vae_parameters, self.vae_loss(x))
