#pragma once

#include <compare>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

namespace swarm {

/// An identifier that can't be mistaken for another kind of identifier: `using TaskId = StrongId<struct TaskIdTag>;`.
template <class Tag, class Value = std::string>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(Value value) : value_(std::move(value)) {}

  const Value& value() const { return value_; }
  bool empty() const
    requires requires(const Value& v) { v.empty(); }
  { return value_.empty(); }

  friend bool operator==(const StrongId&, const StrongId&) = default;
  friend auto operator<=>(const StrongId&, const StrongId&) = default;
  friend std::ostream& operator<<(std::ostream& out, const StrongId& id) { return out << id.value_; }

 private:
  Value value_{};
};

}  // namespace swarm

template <class Tag, class Value>
struct std::hash<swarm::StrongId<Tag, Value>> {
  std::size_t operator()(const swarm::StrongId<Tag, Value>& id) const { return std::hash<Value>{}(id.value()); }
};
