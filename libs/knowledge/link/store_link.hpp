#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "libs/knowledge/outbox/outbox.hpp"
#include "libs/knowledge/synapse/synapse_knowledge.hpp"

namespace swarm::knowledge {

struct LinkOptions {
  synapse::Options synapse;
  OutboxOptions outbox;
  std::uint64_t journal_bytes_max = 4ull << 30;

  bool wanted() const { return !synapse.address.empty(); }
};

/// The settings `knowledge.synapse.…` and `knowledge.outbox.…`. Call it inside the section `knowledge`.
void read_link(settings::Object& o, LinkOptions& options);

/// A service's way to the common knowledge store: what it says goes through an outbox in its data directory, what it
/// asks goes to the store directly. The store may be away at any time, the start included. Thread-safe.
class StoreLink {
 public:
  /// `directory` is for the journal alone; `service` goes into its identity.
  static Result<std::unique_ptr<StoreLink>> open(const LinkOptions& options, const std::filesystem::path& directory,
                                                 const std::string& service, const Clock& clock, metrics::Registry& registry);
  ~StoreLink();

  /// For saying: add() is durable in the journal when it returns, and arrives in its own time. For asking: as the store.
  Knowledge& knowledge();
  /// For asking: failures, spend, kill switch, similarity.
  synapse::SynapseKnowledge& store();
  Outbox& outbox();
  /// The journal, for a backup.
  const lmdb::Environment& journal() const;

  /// For readiness: whether everything arrived and the store answers, and what is missing.
  bool well() const;
  std::string detail() const;

 private:
  struct Impl;
  explicit StoreLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace swarm::knowledge
