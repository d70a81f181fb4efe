#include "adapters/prices/litellm.hpp"

#include <boost/json.hpp>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

namespace swarm::gateway {
namespace {

namespace json = boost::json;
constexpr double kUsdPerMtokMax = 10'000;
constexpr std::string_view kLongInput = "input_cost_per_token_above_";

std::string version_of(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "litellm-%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
  return name.data();
}

/// US dollars per million tokens; nothing when absent or out of reason.
std::optional<double> price_at(const json::object& model, std::string_view field) {
  const auto* value = model.if_contains(field);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double usd = value->to_number<double>() * 1e6;
  if (!std::isfinite(usd) || usd < 0 || usd > kUsdPerMtokMax) return std::nullopt;
  return usd;
}

/// Rounded up in the sixth place, which is what a price can hold, so that nothing is cheaper than the list says.
std::string amount(double usd) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.6f", std::ceil(usd * 1e6 - 1e-6) / 1e6);
  std::string shown(text.data());
  shown.erase(shown.find_last_not_of('0') + 1);
  if (shown.ends_with('.')) shown.pop_back();
  return shown;
}

bool matches(std::string_view name, const std::vector<std::string>& only) {
  return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& one) {
    return one.ends_with('*') ? name.starts_with(std::string_view(one).substr(0, one.size() - 1)) : name == one;
  });
}

/// A name that goes into quotes as it is.
bool is_plain(std::string_view name) {
  return !name.empty() && name.size() <= 200 && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c != '"' && c != '\\' && c < 0x7f; });
}

struct LongContext {
  std::uint64_t above = 0;
  double input = 0;
  double output = 0;
};

/// The tier of the longest prompts is not always the only one; the first is taken at the dearest price, so that no prompt
/// costs more than is counted.
std::optional<LongContext> long_context(const json::object& model, double input, double output) {
  std::optional<LongContext> found;
  for (const auto& member : model) {
    const std::string_view key(member.key().data(), member.key().size());
    if (!key.starts_with(kLongInput) || !key.ends_with("k_tokens")) continue;
    std::uint64_t thousands = 0;
    const auto from = key.substr(kLongInput.size());
    if (std::from_chars(from.data(), from.data() + from.size(), thousands).ec != std::errc() || thousands == 0 || thousands > 100'000) continue;
    const auto in = price_at(model, key);
    const auto out = price_at(model, "output_cost_per_token_above_" + std::to_string(thousands) + "k_tokens");
    if (!in) continue;
    if (!found) found = LongContext{thousands * 1000, input, output};
    found->above = std::min(found->above, thousands * 1000);
    found->input = std::max(found->input, *in);
    found->output = std::max(found->output, out.value_or(output));
  }
  return found;
}

void line(std::string& yaml, std::string_view name, const std::string& value) {
  yaml += ", ";
  yaml += name;
  yaml += ": " + value;
}

std::string model_line(const std::string& name, const json::object& model, double input, double output, std::string_view upstream, const std::string& version) {
  std::string yaml = "  \"" + name + "\": {upstream: " + std::string(upstream);
  line(yaml, "input_usd_per_mtok", amount(input));
  line(yaml, "output_usd_per_mtok", amount(output));
  static constexpr std::pair<std::string_view, std::string_view> kKinds[] = {
      {"cache_read_input_token_cost", "cache_read_usd_per_mtok"},
      {"cache_creation_input_token_cost", "cache_write_usd_per_mtok"},
      {"cache_creation_input_token_cost_above_1hr", "cache_write_1h_usd_per_mtok"},
      {"output_cost_per_reasoning_token", "reasoning_usd_per_mtok"},
      {"input_cost_per_audio_token", "audio_input_usd_per_mtok"},
      {"output_cost_per_audio_token", "audio_output_usd_per_mtok"},
      {"input_cost_per_image_token", "image_input_usd_per_mtok"}};
  for (const auto& [theirs, ours] : kKinds) {
    if (const auto usd = price_at(model, theirs)) line(yaml, ours, amount(*usd));
  }
  const auto batch_in = price_at(model, "input_cost_per_token_batches");
  const auto batch_out = price_at(model, "output_cost_per_token_batches");
  if (batch_in && batch_out) {
    line(yaml, "batch_input_usd_per_mtok", amount(*batch_in));
    line(yaml, "batch_output_usd_per_mtok", amount(*batch_out));
  }
  if (const auto tier = long_context(model, input, output)) {
    line(yaml, "long_context_above_tokens", std::to_string(tier->above));
    line(yaml, "long_context_input_usd_per_mtok", amount(tier->input));
    line(yaml, "long_context_output_usd_per_mtok", amount(tier->output));
  }
  for (const char* bound : {"max_output_tokens", "max_input_tokens"}) {  // ours have the same names
    const auto* most = model.if_contains(bound);
    if (most == nullptr || !most->is_int64() || most->get_int64() <= 0 || most->get_int64() > 100'000'000) continue;
    line(yaml, bound, std::to_string(most->get_int64()));
  }
  line(yaml, "price_version", version);
  return yaml + "}\n";
}

}  // namespace

Result<ImportedPrices> import_litellm(std::string_view text, const std::vector<std::string>& only, std::string_view upstream) {
  if (!is_plain(upstream)) return Error{Code::InvalidArgument, "not an upstream's name"};
  json::error_code error;
  const json::value list = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !list.is_object()) return Error{Code::InvalidArgument, "not LiteLLM's list of prices: " + (error ? error.message() : std::string("no object"))};
  const std::string version = version_of(text);
  std::vector<std::pair<std::string, const json::object*>> models;
  ImportedPrices done;
  for (const auto& member : list.get_object()) {
    const std::string name(member.key().data(), member.key().size());
    if (name == "sample_spec" || !matches(name, only)) continue;
    if (!member.value().is_object() || !is_plain(name)) ++done.left_out;
    else models.emplace_back(name, &member.value().get_object());
  }
  std::sort(models.begin(), models.end());
  done.yaml = "models:\n";
  for (const auto& [name, model] : models) {
    const auto input = price_at(*model, "input_cost_per_token");
    const auto output = price_at(*model, "output_cost_per_token");
    if (!input || !output) {
      ++done.left_out;
    } else if (*input == 0 && *output == 0) {
      done.yaml += "  # \"" + name + "\": the list says that it costs nothing; if that is so: {upstream: " + std::string(upstream) + ", free: true}\n";
      ++done.left_out;
    } else {
      done.yaml += model_line(name, *model, *input, *output, upstream, version);
      ++done.models;
    }
  }
  if (done.models == 0) return Error{Code::InvalidArgument, "the list has no priced model of these names"};
  return done;
}

}  // namespace swarm::gateway
