"""`ridge`: linear regression with as much shrinkage as leaving one out finds best.

Hoerl & Kennard, "Ridge Regression", Technometrics 12(1), 1970; by scikit-learn's `RidgeCV`.
"""

from typing import Any

import numpy as np

from ai_mixer.evaluation.baselines.regression import Regression

SHRINKAGE = np.logspace(-1, 4, 11)


class Ridge(Regression):
    """On features brought to mean 0 and variance 1."""

    def regressor(self) -> Any:
        """Standardise, then shrink."""
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), RidgeCV(SHRINKAGE))
