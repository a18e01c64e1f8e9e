"""Rankings: what to show whom. Candidates from several generators, and a learned re-ranker."""

from footfall.recommend.candidates import Pool, Spec, fit_generators, gather, suited
from footfall.recommend.compare import compared, fresh, outcome, population
from footfall.recommend.read import History, clock_days, interactions_query, read_history
from footfall.recommend.recommender import (
    OWN,
    RERANKED,
    Ranker,
    Ranking,
    Scene,
    fit_ranker,
    past_moment,
    rank,
    scene,
    training_cutoffs,
)
from footfall.recommend.rerank import ALL, NEW, WAYS, Learning, Moment, Reranker, teach
from footfall.recommend.reverse import who_would_want
from footfall.recommend.rules import Rules, bind
from footfall.recommend.sessions import read_sessions
from footfall.recommend.together import bought_together

__all__ = [
    "ALL", "NEW", "OWN", "RERANKED", "WAYS",
    "History", "Learning", "Moment", "Pool", "Ranker", "Ranking", "Reranker", "Rules", "Scene", "Spec",
    "bind", "bought_together", "clock_days", "compared", "fit_generators", "fit_ranker", "fresh", "gather",
    "interactions_query", "outcome", "past_moment", "population", "rank", "read_history", "read_sessions", "scene",
    "suited", "teach",
    "training_cutoffs", "who_would_want",
]  # fmt: skip
