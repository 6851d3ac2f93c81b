// What --score-every measures of a run while it trains.
#pragma once

#include <functional>
#include <string>

#include "train/data/dataset.h"
#include "train/score_log.h"
#include "train/settings.h"

namespace ebm {

// FD-cls, and the share that the classifier is sure of, of 1,000 samples drawn as the run's are: the figures of
// `ebm evaluate --n 1000 --metrics fd,sure` with the run's seed. The classifier is trained where there is none yet, which
// takes minutes; `say` tells. `images`: those that the run learns from. Throws Error for a data set without a classifier.
RunScore training_score(const Settings& settings, const Dataset& images, const std::string& data_option, Device device,
                        const std::function<void(const std::string&)>& say);

}  // namespace ebm
