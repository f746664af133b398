"""`trees`: gradient-boosted regression trees on binned features.

Friedman, "Greedy Function Approximation", Annals of Statistics 29(5), 2001; by scikit-learn's
`HistGradientBoostingRegressor`.
"""

from typing import Any

from ai_mixer.evaluation.baselines.regression import Regression


class Trees(Regression):
    """Few small trees with a low learning rate, for hundreds of examples."""

    def regressor(self) -> Any:
        """Return an unfitted regressor with squared error."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        options = {"max_iter": 150, "learning_rate": 0.06, "max_leaf_nodes": 8}
        return HistGradientBoostingRegressor(**options, early_stopping=False, random_state=0)
