"""What the sentence encoders share: the same bits for any number of threads, and after an interruption."""

import numpy as np
import pytest

from embeddings import checkpoint as checkpoint_module
from embeddings.nn import Trainer
from embeddings.text import RecurrentEncoder, TextCNN, TransformerEncoder

ENCODERS = {
    "recurrent": lambda **options: RecurrentEncoder("gru", 12, 20, epochs=2, **options),
    "convolutions": lambda **options: TextCNN((2, 3), 12, 20, epochs=2, **options),
    "attention": lambda **options: TransformerEncoder(1, 2, 12, epochs=2, **options),
}
TEXTS = [" ".join(f"w{i}" for i in row) for row in np.random.default_rng(0).integers(0, 40, (90, 7))]
LABELS = ["even", "odd"] * 45
LEARNING = {
    "labels": lambda model: model.fit(TEXTS, LABELS),
    "words": lambda model: model.fit(TEXTS),
    "pairs": lambda model: model.fit_pairs(TEXTS[:45], TEXTS[45:]),
}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("learn", LEARNING.values(), ids=LEARNING)
def test_any_number_of_threads_gives_the_same_bits(name, learn):
    one, two = (learn(ENCODERS[name](workers=n)) for n in (1, 2))
    assert one.loss_history_ == two.loss_history_
    assert np.array_equal(one.transform(TEXTS), two.transform(TEXTS))


@pytest.mark.parametrize("name", ENCODERS)
def test_training_goes_on_where_it_was_interrupted(name, tmp_path, monkeypatch):
    whole = ENCODERS[name]().fit(TEXTS, LABELS)
    monkeypatch.setattr(checkpoint_module, "INTERVAL", 0)
    step, steps = Trainer._step, []

    def interrupted(self, batch):
        if len(steps) == 4:
            raise KeyboardInterrupt
        steps.append(0)
        return step(self, batch)

    path = tmp_path / "encoder.checkpoint"
    broken = ENCODERS[name](checkpoint=path)
    monkeypatch.setattr(Trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(TEXTS, LABELS)
    # What it has learned so far can be used.
    assert len(broken.loss_history_) == 1 and np.isfinite(broken.transform(TEXTS)).all()
    monkeypatch.setattr(Trainer, "_step", step)
    resumed = ENCODERS[name](checkpoint=path, workers=2).fit(TEXTS, LABELS)
    assert resumed.loss_history_ == whole.loss_history_ and not path.exists()
    assert np.array_equal(resumed.transform(TEXTS), whole.transform(TEXTS))
