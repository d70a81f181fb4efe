#pragma once

#include "settings.hpp"

namespace swarm::gateway {

/// What becomes of models without a price. Before models are read.
void read_unpriced(settings::Object& o, Settings& out);
/// A model is priced, expressly free, counted at the fallback price, or refused: in this order.
void read_model_price(settings::Object& o, Model& model, const Settings& out);

}  // namespace swarm::gateway
