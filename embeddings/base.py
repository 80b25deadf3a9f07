"""What all models share: scikit-learn's contract, without depending on scikit-learn, and files to keep them in."""

import inspect
import os
from pathlib import Path

import numpy as np

from embeddings.files import pack_strings, read_tensors, unpack_strings, write_tensors

FORMAT_VERSION = 1


class NotFittedError(ValueError, AttributeError):
    """A model was asked for what it has not learned yet; call ``fit`` first."""


class Embedder:
    """Base of every model: turns things into vectors.

    A subclass stores its constructor's arguments under their own names and does nothing else in ``__init__``; ``fit``
    checks them and leaves what it learned in attributes that end in an underscore; ``transform`` gives vectors, one row
    per thing. Such a model works in scikit-learn's ``Pipeline``, ``clone`` and ``GridSearchCV``.

    ``save`` keeps every attribute that ends in an underscore (arrays, lists of strings, and what JSON holds). A model
    whose state is more than that extends `_get_state` and `_set_state`.

    Examples
    --------
    >>> class Lengths(Embedder):
    ...     def __init__(self, unit=1):
    ...         self.unit = unit
    ...     def fit(self, X, y=None):
    ...         self.longest_ = max(len(x) for x in X)
    ...         return self
    ...     def transform(self, X):
    ...         self._check_is_fitted()
    ...         return np.array([[len(x) / self.unit] for x in X])
    >>> Lengths(unit=2).fit_transform(["ab", "abcd"]).tolist()
    [[1.0], [2.0]]
    >>> Lengths(unit=3)
    Lengths(unit=3)
    """

    def fit(self, X, y=None):
        """Learn from `X`; `y` is ignored. Returns the model itself."""
        raise NotImplementedError(f"{type(self).__name__} does not define fit")

    def transform(self, X):
        """The vectors of `X`, one row per thing."""
        raise NotImplementedError(f"{type(self).__name__} does not define transform")

    def fit_transform(self, X, y=None):
        """``fit(X).transform(X)``, in one pass where the model can."""
        return self.fit(X, y).transform(X)

    # Parameters ------------------------------------------------------------------------------------------------------

    @classmethod
    def _parameters(cls):
        signature = inspect.signature(cls.__init__)
        return {name: p.default for name, p in list(signature.parameters.items())[1:]}

    def get_params(self, deep=True):
        """The constructor's arguments as a dict; with `deep`, those of nested models too, as ``outer__inner``."""
        params = {name: getattr(self, name) for name in self._parameters()}
        if deep:
            for name, value in list(params.items()):
                if hasattr(value, "get_params") and not isinstance(value, type):
                    params.update({f"{name}__{inner}": v for inner, v in value.get_params().items()})
        return params

    def set_params(self, **params):
        """Set constructor arguments by name (``outer__inner`` reaches into a nested model). Returns the model.

        Raises
        ------
        ValueError
            For a name that the constructor does not have.
        """
        known = self._parameters()
        for name, value in params.items():
            outer, _, inner = name.partition("__")
            if outer not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {outer!r}; it has {', '.join(known)}")
            if inner:
                getattr(self, outer).set_params(**{inner: value})
            else:
                setattr(self, name, value)
        return self

    def __repr__(self):
        defaults = self._parameters()
        changed = [f"{n}={v!r}" for n, v in self.get_params(deep=False).items() if not _same(v, defaults[n])]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self):
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(two_d_array=False, string=True),
        )

    # What was learned ------------------------------------------------------------------------------------------------

    def __sklearn_is_fitted__(self):
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def _check_is_fitted(self):
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(f"this {type(self).__name__} has learned nothing yet: call fit first, or load a file")

    def _get_state(self):
        """What ``save`` keeps: a dict of arrays, lists of strings, and values that JSON holds."""
        return {k: v for k, v in vars(self).items() if k.endswith("_") and not k.startswith("_")}

    def _set_state(self, state):
        """Take back what `_get_state` gave; raise ValueError for a state that does not hold together."""
        vars(self).update(state)

    def _get_saved_params(self):
        """The constructor's arguments that ``save`` keeps; a model leaves out what `_set_state` brings back."""
        return self.get_params(deep=False)

    def save(self, path):
        """Write the fitted model to one file: safetensors, with JSON metadata. The file appears whole or not at all.

        A parameter that is a function cannot be written; pass it to ``load`` again.

        Raises
        ------
        NotFittedError
            If there is nothing to save yet.
        """
        self._check_is_fitted()
        tensors, values, strings = {}, {}, []
        for name, value in self._get_state().items():
            if isinstance(value, np.ndarray):
                tensors[name] = value
            elif isinstance(value, list) and value and all(isinstance(v, str) for v in value):
                tensors[name + ".utf8"], tensors[name + ".offsets"] = pack_strings(value)
                strings.append(name)
            else:
                values[name] = _to_json(name, value)
        params, functions = {}, []
        for name, value in self._get_saved_params().items():
            if callable(value) and not isinstance(value, type):
                functions.append(name)
            else:
                params[name] = _to_json(name, value)
        metadata = {
            "format_version": FORMAT_VERSION,
            "model": type(self).__name__,
            "params": params,
            "functions": functions,
            "values": values,
            "strings": strings,
        }
        write_tensors(path, tensors, metadata)

    @classmethod
    def load(cls, path, **functions):
        """Read a model that ``save`` wrote.

        Parameters
        ----------
        path : path-like
        **functions
            The parameters that were functions when the model was saved, such as ``tokenizer``.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged, holds another model, or needs a function that was not passed.
        """
        where = repr(os.fspath(Path(path)))
        tensors, metadata = read_tensors(path)
        if "model" not in metadata:
            raise ValueError(f"{where} holds tensors but no model of this project")
        if metadata["model"] != cls.__name__:
            raise ValueError(f"{where} holds a {metadata['model']}, not a {cls.__name__}")
        if metadata.get("format_version") != FORMAT_VERSION:
            raise ValueError(f"{where} has format version {metadata.get('format_version')}, not {FORMAT_VERSION}")
        missing = sorted(set(metadata["functions"]) - set(functions))
        if missing:
            raise ValueError(
                f"{where} was saved with functions as parameters; pass them again: load(path, {missing[0]}=…)"
            )
        unknown = sorted(set(functions) - set(metadata["functions"]))
        if unknown:
            raise ValueError(f"{where} was not saved with a function as {unknown[0]!r}")
        try:
            params = {name: _from_json(value) for name, value in metadata["params"].items()}
            state = {name: _from_json(value) for name, value in metadata["values"].items()}
            for name in metadata["strings"]:
                state[name] = unpack_strings(tensors.pop(name + ".utf8"), tensors.pop(name + ".offsets"))
            model = cls(**params, **functions)
            model._set_state({**state, **tensors})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{where} is damaged: {error}") from error
        return model


def _same(a, b):
    return a is b or (type(a) is type(b) and not isinstance(a, np.ndarray) and bool(a == b))


def _to_json(name, value):
    """`value` in a form that JSON holds and `_from_json` turns back into the same types."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic | float | int)):
        return {"dtype": np.dtype(value).str}
    if isinstance(value, tuple):
        return {"tuple": [_to_json(name, v) for v in value]}
    if isinstance(value, set | frozenset):
        return {"set": sorted(_to_json(name, v) for v in value)}
    if isinstance(value, list):
        return [_to_json(name, v) for v in value]
    raise TypeError(f"{name}={value!r} cannot be saved: a {type(value).__name__} fits neither JSON nor safetensors")


def _from_json(value):
    if isinstance(value, list):
        return [_from_json(v) for v in value]
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind == "dtype":
            return np.dtype(content).type
        if kind == "tuple":
            return tuple(_from_json(v) for v in content)
        if kind == "set":
            return frozenset(_from_json(v) for v in content)
        raise ValueError(f"unknown kind of value {kind!r}")
    return value
