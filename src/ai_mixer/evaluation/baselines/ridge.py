"""`ridge`: ridge regression; the penalty is chosen by leave-one-out cross-validation.

Hoerl & Kennard, "Ridge Regression", Technometrics 12(1), 1970; by scikit-learn's `RidgeCV`.
"""

from typing import Any

import numpy as np

from ai_mixer.evaluation.baselines.regression import Regression

SHRINKAGE = np.logspace(-1, 4, 11)


class Ridge(Regression):
    """Ridge regression on standardised features."""

    def regressor(self) -> Any:
        """Return a pipeline of StandardScaler and RidgeCV."""
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), RidgeCV(SHRINKAGE))
