"""Rankings: what to show whom. Candidates from several generators, and a learned re-ranker."""

from footfall.recommend.alike import Alike, similar
from footfall.recommend.candidates import Pool, Spec, fit_generators, gather, suited
from footfall.recommend.compare import compared, fresh, just_arrived, only_products, outcome, population
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
from footfall.recommend.rehearse import Trial, answers, chosen, rehearse
from footfall.recommend.rerank import (
    ALL,
    COLD,
    NEW,
    WAYS,
    Learning,
    Moment,
    Reranker,
    Trees,
    lesson_of,
    taught,
    teach,
)
from footfall.recommend.reverse import Wanted, who_would_want
from footfall.recommend.rules import Rules, bind, declared, number_of
from footfall.recommend.sessions import Running, read_looks, read_sessions, running
from footfall.recommend.together import bought_together

__all__ = [
    "ALL", "COLD", "NEW", "OWN", "RERANKED", "WAYS",
    "Alike", "History", "Learning", "Moment", "Pool", "Ranker", "Ranking", "Reranker", "Rules", "Running",
    "Scene", "Spec", "Trees", "Trial", "Wanted",
    "answers", "bind", "bought_together", "chosen", "clock_days", "compared", "declared", "fit_generators",
    "fit_ranker", "fresh", "gather", "interactions_query", "just_arrived", "lesson_of", "number_of", "only_products",
    "outcome", "past_moment", "population", "rank", "read_history", "read_looks", "read_sessions", "rehearse",
    "running", "scene", "similar", "suited", "taught", "teach", "training_cutoffs", "who_would_want",
]  # fmt: skip
