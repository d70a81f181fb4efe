#pragma once

#include <string>
#include <string_view>

#include "libs/base/result.hpp"

namespace swarm::otlp {

/// Where traces go: one POST at a time, on a connection of its own, in at most five seconds. Not thread-safe.
class Collector {
 public:
  /// http://host[:port]/path. InvalidArgument says what is wrong.
  static Result<Collector> parse(std::string_view endpoint);

  const std::string& endpoint() const { return endpoint_; }
  /// The status of the answer. Unavailable when there is none.
  Result<int> post(const std::string& json) const;

 private:
  std::string endpoint_, host_, port_, path_;
};

}  // namespace swarm::otlp
