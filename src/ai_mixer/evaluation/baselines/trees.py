"""`trees`: gradient-boosted regression trees on binned features.

Friedman, "Greedy Function Approximation", Annals of Statistics 29(5), 2001; by scikit-learn's
`HistGradientBoostingRegressor`.
"""

from typing import Any

from ai_mixer.evaluation.baselines.regression import Regression


class Trees(Regression):
    """Small steps and small trees: the examples are hundreds, not millions."""

    def regressor(self) -> Any:
        """Least squares, as `ridge`."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        options = {"max_iter": 150, "learning_rate": 0.06, "max_leaf_nodes": 8}
        return HistGradientBoostingRegressor(**options, early_stopping=False, random_state=0)
