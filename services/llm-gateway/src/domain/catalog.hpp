#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/price.hpp"
#include "domain/rate_limit.hpp"
#include "libs/base/result.hpp"
#include "libs/base/secret.hpp"

namespace swarm::gateway {

/// Whose wire format a route speaks.
enum class Dialect : std::uint8_t { OpenAi, Anthropic };
std::string_view name(Dialect dialect);

/// A provider's endpoint.
struct Upstream {
  std::uint32_t id = 0;
  std::string name;
  Dialect dialect = Dialect::OpenAi;
  std::string provider;      // as OpenTelemetry's conventions name it: provider_of(), unless it was given
  bool tls = true;
  std::string host;
  std::string port;
  std::string path_prefix;   // before "/v1/…"; usually empty
  std::string ca_file;       // empty: the system's
  bool http2 = false;        // spoken to in HTTP/2; over TLS only if it takes part
  std::string proxy;         // that stands between; empty: none
  Secret api_key;
  std::map<std::string, std::string> headers;  // added to each request
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds first_byte_timeout{120'000};
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds total_timeout{1'800'000};  // of one attempt, from its first byte to its answer's last; 0: none
  int retries_max = 2;
  std::chrono::milliseconds retry_after_max{2'000};
  std::vector<std::uint32_t> siblings;          // the same endpoint with another key, each an upstream of its own
};

/// True when both are asked at the same place, in the same way and with the same key: what is known of one holds for the other.
bool same_endpoint(const Upstream& a, const Upstream& b);

inline constexpr std::size_t kTargetsMax = 16;

/// One of the places that serve a model.
struct Target {
  std::uint32_t upstream = 0;
  std::string model;           // what the upstream calls it; empty: the name that was asked for
  std::uint32_t weight = 1;    // its share among those of its priority; 0: only when the others fail
  std::uint32_t priority = 0;  // lower ones are tried first
};

enum class Balance : std::uint8_t { Weighted, LeastLatency };

/// Where a model's price comes from. Without one it is refused: nothing is free by accident.
enum class PriceSource : std::uint8_t { None, Listed, Fallback, Free };
std::string_view name(PriceSource source);

/// A name that callers may ask for, and what it stands for.
struct Model {
  std::uint32_t id = 0;
  std::uint32_t learnt_id = 0;            // of its name, the same in every edition; set by the catalog
  std::string name;
  std::uint32_t upstream = 0;             // of the first target
  std::string upstream_model;             // its name there; empty: the name that was asked for
  std::vector<Target> targets;            // at most kTargetsMax; empty: only the upstream above
  Balance balance = Balance::Weighted;
  std::vector<std::string> fallbacks;     // models that answer in its place when all its targets fail, at their own price
  std::optional<Price> price;             // none: requests for it are refused
  PriceSource price_source = PriceSource::None;
  std::uint64_t output_tokens_max = 0;    // 0: unknown
  std::uint64_t input_tokens_max = 0;     // of its context; 0: unknown
  RateLimits limits;                      // of each key on this model
  std::int32_t guard = -1;                // place of its privacy guard; below 0: none
  std::string path;                       // of a route: the path that it passes on, with everything below; else empty
};

/// All upstreams and models of one configuration. Immutable, so that threads share it without locks.
class Catalog {
 public:
  Catalog() = default;
  /// `before`: the one that this one follows; models of the same name keep their learnt_id.
  Catalog(std::vector<Upstream> upstreams, std::vector<Model> models, const Catalog* before = nullptr);

  /// The model of that name, else the one named "*", else null.
  const Model* find(std::string_view model) const;
  /// The route that passes on a path (given without its query) of no known surface; the longest one that fits, or null.
  /// A path that another server may read as a different one (dot segments, empty ones, encoded slashes) fits none.
  const Model* route(std::string_view path) const;
  const Upstream& upstream(const Model& model) const { return upstreams_[model.upstream]; }
  const Upstream& upstream(const Target& target) const { return upstreams_[target.upstream]; }
  const std::vector<Upstream>& upstreams() const { return upstreams_; }
  const std::vector<Model>& models() const { return models_; }

 private:
  const Model* named(std::string_view name) const;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::vector<Upstream> upstreams_;
  std::vector<Model> models_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> by_name_;
  const Model* any_ = nullptr;
  std::uint32_t next_learnt_id_ = 0;
};

/// The provider at a host by the name that OpenTelemetry's conventions have for it (gen_ai.provider.name); of an unknown one
/// the dialect's.
std::string_view provider_of(std::string_view host, Dialect dialect);

/// Splits "https://host:port/prefix/v1" into an upstream's fields; a trailing "/v1" is the same with or without.
/// InvalidArgument names what is wrong.
Result<void> set_base_url(Upstream& upstream, std::string_view url);

}  // namespace swarm::gateway
