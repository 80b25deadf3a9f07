"""The folder that Hugging Face and sentence-transformers keep a BERT in, read with every fault named."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from embeddings.checks import check_choice, check_integer, check_number
from embeddings.text.wordpiece import read_json

POOLINGS = ("mean", "cls", "max")

# What the older names of a layer's norm became.
_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}

# Heads that a checkpoint may have beside the encoder.
_HEADS = ("pooler.", "cls.", "classifier.", "qa_outputs.")

# The masked language model's head: used where it is whole.
HEAD = (
    "transform.dense.weight",
    "transform.dense.bias",
    "transform.LayerNorm.weight",
    "transform.LayerNorm.bias",
    "bias",
)
_HEAD_PREFIX = "cls.predictions."


@dataclass
class Shape:
    """The sizes of a BERT, under the names of ``config.json``."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12

    def check(self):
        """Raise ValueError or TypeError for sizes that make no network."""
        for field in fields(self):
            if field.type is int:
                check_integer(field.name, getattr(self, field.name), minimum=1)
        check_number("layer_norm_eps", self.layer_norm_eps, minimum=0)
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"num_attention_heads must divide hidden_size {self.hidden_size}, got {self.num_attention_heads}"
            )

    def as_dict(self):
        """All sizes by name."""
        return asdict(self)

    def tensors(self):
        """Name and shape of every tensor of the encoder, as Hugging Face has them."""
        d, h = self.hidden_size, self.intermediate_size
        shapes = {
            "embeddings.word_embeddings.weight": (self.vocab_size, d),
            "embeddings.position_embeddings.weight": (self.max_position_embeddings, d),
            "embeddings.token_type_embeddings.weight": (self.type_vocab_size, d),
        }
        parts = {"embeddings.LayerNorm": None}
        for i in range(self.num_hidden_layers):
            layer = f"encoder.layer.{i}"
            for part in ("self.query", "self.key", "self.value", "output.dense"):
                parts[f"{layer}.attention.{part}"] = (d, d)
            parts[f"{layer}.attention.output.LayerNorm"] = None
            parts[f"{layer}.intermediate.dense"], parts[f"{layer}.output.dense"] = (h, d), (d, h)
            parts[f"{layer}.output.LayerNorm"] = None
        for name, shape in parts.items():
            shapes[f"{name}.weight"], shapes[f"{name}.bias"] = shape or (d,), (d,) if shape is None else shape[:1]
        return shapes

    def head_tensors(self):
        """Name and shape of the tensors of the masked language model's head."""
        d = self.hidden_size
        return dict(zip(HEAD, ((d, d), (d,), (d,), (d,), (self.vocab_size,)), strict=True))


def read_shape(folder):
    """The sizes that ``config.json`` gives.

    Raises
    ------
    FileNotFoundError
        If there is no folder or no ``config.json`` in it.
    ValueError
        If it is of another architecture, or has settings that change what a BERT computes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {os.fspath(folder)!r}")
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{os.fspath(folder)!r} holds no config.json")
    config, where = read_json(path), repr(os.fspath(path))
    accepted = {
        "model_type": ("bert",),
        "hidden_act": ("gelu",),
        "position_embedding_type": ("absolute", None),
        "is_decoder": (False, None),
        "add_cross_attention": (False, None),
    }
    for name, values in accepted.items():
        if config.get(name) not in values and not (name == "hidden_act" and name not in config):
            raise ValueError(f"{where}: {name} must be {values[0]!r}, got {config.get(name)!r}")
    missing = [
        f.name for f in fields(Shape) if f.name not in ("type_vocab_size", "layer_norm_eps") and f.name not in config
    ]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    shape = Shape(**{f.name: config[f.name] for f in fields(Shape) if f.name in config})
    try:
        shape.check()
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error
    return shape


def read_weights(folder, shape):
    """The encoder's tensors from ``model.safetensors``, and those of a masked language model's head, if it has one.

    Returns
    -------
    tensors : dict of str to array, float32
        By Hugging Face's names, without the prefix ``bert.``.
    head : dict of str to array, float32
        By the names of :data:`HEAD`; empty if there is none.

    Raises
    ------
    FileNotFoundError
        If there is no such file; a checkpoint in several parts or a pickle is named.
    ValueError
        If the file is damaged, or tensors are missing, unknown, or of another shape or type.
    """
    from safetensors import SafetensorError, safe_open

    folder = Path(folder)
    path = folder / "model.safetensors"
    if not path.is_file():
        raise FileNotFoundError(_what_is_there(folder))
    where, found, head = repr(os.fspath(path)), {}, {}
    wanted = shape.tensors()
    head_shapes = shape.head_tensors()
    try:
        with safe_open(path, framework="numpy") as file:
            tensor_of, names = _mapped(path), {}
            for name in file.keys():
                plain = name.removeprefix("bert.")
                for old, new in _OLD_NAMES.items():
                    plain = plain.replace(old, new)
                names[plain] = name
            unknown = [
                n for n in names if n not in wanted and not n.startswith(_HEADS) and n != "embeddings.position_ids"
            ]
            missing = [n for n in wanted if n not in names]
            if missing or unknown:
                raise ValueError(
                    f"{where} lacks {_some(missing)} and has {_some(unknown)} that a BERT of this size does not"
                )
            of_head = {part: _HEAD_PREFIX + part for part in HEAD}
            # The bias of a head may be kept under two names.
            if of_head["bias"] not in names:
                of_head["bias"] = f"{_HEAD_PREFIX}decoder.bias"
            for target, parts, shapes in (
                (found, {n: n for n in wanted}, wanted),
                (head, of_head if all(n in names for n in of_head.values()) else {}, head_shapes),
            ):
                for part, name in parts.items():
                    header = file.get_slice(names[name])
                    size = tuple(header.get_shape())
                    if size != shapes[part]:
                        raise ValueError(f"{where}: {names[name]} must have the shape {shapes[part]}, got {size}")
                    if header.get_dtype() not in ("F32", "F16", "F64"):
                        raise ValueError(
                            f"{where}: {names[name]} must be of type F16, F32 or F64, got {header.get_dtype()}"
                        )
                    mapped = tensor_of(names[name])
                    # Mapped, not read: what is laid out anew need not be in memory before.
                    copied = mapped.dtype != np.float32 or not mapped.flags.aligned
                    target[part] = mapped.astype(np.float32) if copied else mapped
    except SafetensorError as error:
        raise ValueError(f"{where} is not a whole safetensors file: {error}") from error
    return found, head


def _mapped(path):
    """A function from the name of a tensor to its numbers in a file that is known to be whole, mapped into memory."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, np.uint8, "r")
    types = {"F16": np.float16, "F32": np.float32, "F64": np.float64}

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        numbers = data[8 + size + begin : 8 + size + end].view(np.ndarray)
        return numbers.view(types[header[name]["dtype"]]).reshape(header[name]["shape"])

    return tensor


def read_pooling(folder):
    """How a sentence-transformers folder makes one vector of a sentence.

    Returns
    -------
    pooling : {"mean", "cls", "max"}
        ``"mean"`` where the folder says nothing.
    normalize : bool
    max_length : int or None

    Raises
    ------
    ValueError
        For a module or a pooling that is not known.
    """
    folder = Path(folder)
    pooling, normalize, max_length = "mean", False, None
    if (folder / "sentence_bert_config.json").is_file():
        max_length = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    if not (folder / "modules.json").is_file():
        return pooling, normalize, max_length
    for module in read_json(folder / "modules.json", list):
        kind, path = str(module.get("type", "")).rsplit(".", 1)[-1], folder / str(module.get("path", ""))
        if kind == "Pooling":
            pooling = _pooling_of(path / "config.json")
        elif kind == "Normalize":
            normalize = True
        elif kind != "Transformer":
            where = os.fspath(folder / "modules.json")
            raise ValueError(f"{where!r}: modules must be Transformer, Pooling and Normalize, got {kind!r}")
    return pooling, normalize, max_length


def _pooling_of(path):
    config = read_json(path)
    names = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max"}
    chosen = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    if "pooling_mode" in config:  # newer files
        return check_choice(f"pooling_mode in {os.fspath(path)!r}", config["pooling_mode"], POOLINGS)
    if len(chosen) != 1 or chosen[0] not in names:
        raise ValueError(f"{os.fspath(path)!r}: exactly one of {', '.join(names)} must be true, got {chosen}")
    return names[chosen[0]]


def _what_is_there(folder):
    where = repr(os.fspath(folder))
    files = {path.name for path in folder.iterdir()}
    if "model.safetensors.index.json" in files:
        parts = sum(name.startswith("model-") and name.endswith(".safetensors") for name in files)
        return (
            f"{where} holds a checkpoint in {parts} parts (model.safetensors.index.json); "
            "one model.safetensors is read: save it anew with max_shard_size larger than the model"
        )
    if "pytorch_model.bin" in files:
        return (
            f"{where} holds pytorch_model.bin alone, a pickle, which can run any code when it is read; "
            "one model.safetensors is read: save it anew with safe_serialization=True"
        )
    return f"{where} holds no model.safetensors"


def _some(names, limit=5):
    shown = ", ".join(names[:limit]) or "nothing"
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
