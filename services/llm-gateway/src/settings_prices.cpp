// Settings of the models' prices.
#include "settings_prices.hpp"

#include <cmath>

namespace swarm::gateway {
namespace {

using settings::Object;
constexpr double kPriceMax = 10'000;

std::string check_unpriced(const std::string& text) {
  return text.empty() || text == "refuse" || text == "allow" ? std::string() : std::string("is neither refuse nor allow");
}

/// Prices of a model in US dollars per million tokens; below 0: not given.
struct GivenPrices {
  double input = -1, output = -1, cache_read = -1, cache_write = -1, cache_write_1h = -1, reasoning = -1;
  double audio_input = -1, audio_output = -1, image_input = -1;
  double batch_input = -1, batch_output = -1;
  double long_input = -1, long_output = -1;
  std::int64_t long_above = 0;
  std::string version = "config";
};

/// -1, the default, is a price that is left out.
void price_value(Object& o, std::string_view key, double& usd, std::string_view help) {
  o.value(key, usd, help);
  const bool left_out = usd == -1;
  if (!left_out && !(usd >= 0 && usd <= kPriceMax)) o.fault(key, "must be 0 to 10000 US dollars, or left out");
}

/// What is wrong when only one of two prices that belong together is a price; empty: nothing.
std::string only_one(double input, double output, std::string_view whose) {
  const bool wrong = (input == -1) != (output == -1);
  return wrong ? std::string(whose) + " needs both input and output; -1 counts as left out" : std::string();
}

void describe_prices(Object& o, GivenPrices& p) {
  price_value(o, "input_usd_per_mtok", p.input, "Price of a million prompt tokens in US dollars.");
  price_value(o, "output_usd_per_mtok", p.output, "Price of a million output tokens.");
  price_value(o, "cache_read_usd_per_mtok", p.cache_read, "Price of cached prompt tokens; left out: as input.");
  price_value(o, "cache_write_usd_per_mtok", p.cache_write, "Price of writing to the cache; left out: 1.25 times input.");
  price_value(o, "cache_write_1h_usd_per_mtok", p.cache_write_1h, "Price of writing for an hour; left out: twice input.");
  price_value(o, "reasoning_usd_per_mtok", p.reasoning, "Price of reasoning tokens; left out: as output.");
  price_value(o, "audio_input_usd_per_mtok", p.audio_input, "Price of audio tokens in; left out: as input.");
  price_value(o, "audio_output_usd_per_mtok", p.audio_output, "Price of audio tokens out; left out: as output.");
  price_value(o, "image_input_usd_per_mtok", p.image_input, "Price of image tokens; left out: as input.");
  price_value(o, "batch_input_usd_per_mtok", p.batch_input, "Price of a batch's prompt tokens; left out: as any other.");
  price_value(o, "batch_output_usd_per_mtok", p.batch_output, "Price of a batch's output tokens.");
  o.value("long_context_above_tokens", p.long_above, "Prompts of more tokens cost the two prices below; 0: none do.", {0, 100'000'000});
  price_value(o, "long_context_input_usd_per_mtok", p.long_input, "Price of a long prompt's tokens.");
  price_value(o, "long_context_output_usd_per_mtok", p.long_output, "Price of the answer to a long prompt.");
  o.value("price_version", p.version, "Written into each row that this price made.");
}

/// `base` in the proportion of another input and output price, so that a tier needs only these two.
TokenPrices in_proportion(const TokenPrices& base, double input, double output) {
  const auto scaled = [](PicoPerToken part, PicoPerToken whole, PicoPerToken new_whole) {
    return whole == 0 ? part : static_cast<PicoPerToken>(std::ceil(static_cast<double>(part) / static_cast<double>(whole) * static_cast<double>(new_whole)));
  };
  TokenPrices tier = base;
  const PicoPerToken in = pico_per_token(input);
  const PicoPerToken out = pico_per_token(output);
  for (auto kind : {&TokenPrices::cache_read, &TokenPrices::cache_write, &TokenPrices::cache_write_1h, &TokenPrices::audio_input, &TokenPrices::image_input}) {
    tier.*kind = scaled(base.*kind, base.input, in);
  }
  for (auto kind : {&TokenPrices::reasoning, &TokenPrices::audio_output}) tier.*kind = scaled(base.*kind, base.output, out);
  tier.input = in;
  tier.output = out;
  return tier;
}

Price price_of(const GivenPrices& p) {
  Price price = Price::of(p.input, p.output);
  const std::pair<double, PicoPerToken TokenPrices::*> kinds[] = {
      {p.cache_read, &TokenPrices::cache_read},   {p.cache_write, &TokenPrices::cache_write}, {p.cache_write_1h, &TokenPrices::cache_write_1h},
      {p.reasoning, &TokenPrices::reasoning},     {p.audio_input, &TokenPrices::audio_input}, {p.audio_output, &TokenPrices::audio_output},
      {p.image_input, &TokenPrices::image_input}};
  for (const auto& [given, kind] : kinds) {
    if (given >= 0) price.*kind = pico_per_token(given);
  }
  if (p.batch_input >= 0 && p.batch_output >= 0) price.batch = in_proportion(price, p.batch_input, p.batch_output);
  price.long_context_above = static_cast<std::uint64_t>(p.long_above);
  if (p.long_above > 0) price.long_context = in_proportion(price, p.long_input, p.long_output);
  price.version = p.version;
  return price;
}

}  // namespace

void read_unpriced(Object& o, Settings& out) {
  std::string unpriced = "refuse";
  GivenPrices fallback;
  o.value("unpriced", unpriced, "refuse models without a price, or allow them at fallback_price.", check_unpriced);
  o.section("fallback_price", "What models without a price are counted at; choose it high.", [&](Object& f) {
    price_value(f, "input_usd_per_mtok", fallback.input, "Price of a million prompt tokens in US dollars.");
    price_value(f, "output_usd_per_mtok", fallback.output, "Price of a million output tokens.");
  });
  out.allow_unpriced = unpriced == "allow";
  if (fallback.input > 0 && fallback.output >= 0) {
    fallback.version = "fallback";
    out.fallback_price = price_of(fallback);
  } else if (fallback.input >= 0 || fallback.output >= 0) {
    o.fault("fallback_price", "it needs an input above 0 and an output");
  }
  if (out.allow_unpriced && !out.fallback_price) o.fault("unpriced", "allow needs fallback_price: nothing is free by accident");
}

void read_model_price(Object& o, Model& model, const Settings& out) {
  GivenPrices p;
  bool free = false;
  std::string unpriced;
  describe_prices(o, p);
  o.value("free", free, "It costs nothing: the only way to say so.");
  o.value("unpriced", unpriced, "Without a price: refuse it, or allow it at spend.fallback_price; left out: as spend.unpriced says.", check_unpriced);
  if (const auto wrong = only_one(p.input, p.output, "a price"); !wrong.empty()) o.fault("input_usd_per_mtok", wrong);
  if (const auto wrong = only_one(p.batch_input, p.batch_output, "a batch's price"); !wrong.empty()) o.fault("batch_input_usd_per_mtok", wrong);
  if (p.long_above > 0 && (p.long_input < 0 || p.long_output < 0)) o.fault("long_context_above_tokens", "the price of long prompts needs both input and output");
  const bool given = p.input >= 0 && p.output >= 0;
  if (free && given) o.fault("free", "a model is free or has a price, not both");
  if (given && p.input == 0 && p.output == 0) o.fault("input_usd_per_mtok", "a price of nothing: say free: true if that is meant");
  if (free) {
    model.price = Price{};
    model.price->version = "free";
    model.price_source = PriceSource::Free;
  } else if (given) {
    model.price = price_of(p);
    model.price_source = PriceSource::Listed;
  } else if (unpriced == "allow" || (unpriced.empty() && out.allow_unpriced)) {
    if (!out.fallback_price) o.fault("unpriced", "an unpriced model is only allowed at a price: set spend.fallback_price, or free: true here");
    model.price = out.fallback_price;
    model.price_source = PriceSource::Fallback;
  }
}

}  // namespace swarm::gateway
