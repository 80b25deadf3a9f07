"""The models that keep the contract: one line each, a small model and what it is fitted on."""

MODELS = [
    # (name of the test, function that makes the model, function that makes its input)
]
