#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "application/breakers.hpp"
#include "application/probe.hpp"
#include "domain/catalog.hpp"
#include "ports/privacy_guard.hpp"
#include "ports/upstream.hpp"

namespace swarm::gateway {

/// What one reading of the configuration offers: its models and upstreams, with what is counted and known of them. A request
/// keeps the edition in which it began until it ends, so that a new one can come into force at any time. The catalog never
/// changes; counters and breakers are thread-safe. An upstream that is the same as in the edition before keeps its health.
struct Edition {
  Edition(std::vector<Upstream> upstreams, std::vector<Model> models, metrics::Registry& registry, const Edition* before = nullptr)
      : number(before != nullptr ? before->number + 1 : 1),
        catalog(std::move(upstreams), std::move(models), before != nullptr ? &before->catalog : nullptr),
        probe(registry, catalog),
        breakers(catalog, probe, before != nullptr ? &before->breakers : nullptr) {}

  /// Shown by the metrics from now on, in place of the one before.
  void come_into_force(Edition* before, BootTime now) {
    if (before != nullptr) before->probe.withdraw();
    probe.show(catalog);
    for (const Upstream& upstream : catalog.upstreams()) breakers.show(upstream, now);
  }

  /// Null: none.
  const PrivacyGuard* guard_of(const Model& model) const {
    return model.guard < 0 ? nullptr : guards[static_cast<std::size_t>(model.guard)].get();
  }

  std::uint64_t number;
  Catalog catalog;
  Probe probe;
  Breakers breakers;
  std::vector<std::unique_ptr<PrivacyGuard>> guards;  // before it comes into force
};

/// An edition as one thread serves it, with its connections. Belongs to that thread.
struct Lane {
  std::shared_ptr<Edition> edition;
  std::unique_ptr<UpstreamLink> link;
};

}  // namespace swarm::gateway
