#pragma once

#include "libs/knowledge/records.hpp"
#include "libs/knowledge/remote_store.hpp"
#include "libs/knowledge/synapse/client.hpp"

namespace swarm::knowledge::synapse {

/// Knowledge in a Synapse server, and what else that store can be asked. Thread-safe; every call waits for the network.
///
/// Weaker than the port promises: a batch is no transaction there, and the server may lose what it accepted when it is
/// killed. So services write through an outbox of their own and use this one directly for reading.
class SynapseKnowledge final : public Knowledge,
                               public FailureRecords,
                               public SpendRecords,
                               public ControlRecords,
                               public SimilaritySearch,
                               public RemoteStore {
 public:
  /// `rows_per_page` bounds the answers; a page that is too large all the same is asked for again in smaller parts.
  explicit SynapseKnowledge(Client& client, std::size_t rows_per_page = 20'000)
      : client_(client), rows_per_page_(rows_per_page) {}

  Result<void> add(const std::vector<Statement>& statements) override;
  Result<std::vector<Statement>> about(std::string_view subject, std::string_view predicate) override;
  Result<std::vector<Statement>> all(std::string_view predicate, std::size_t limit) override;

  Result<std::vector<FailureRecord>> unconsolidated(std::string_view after, std::size_t limit) override;
  Result<std::int64_t> spent_on(std::string_view date) override;
  Result<std::optional<SpendLimit>> limit_of(std::string_view scope) override;
  Result<std::optional<ControlState>> control_state() override;
  Result<std::vector<Similar>> nearest(std::string_view text, std::size_t count) override;
  Result<std::vector<std::string>> texts_of(std::string_view subject, std::string_view predicate) override;

  Result<void> send(const std::vector<Statement>& statements) override;
  Result<bool> holds(const Statement& statement) override;
  Result<void> check(const std::vector<Statement>& statements) const override;

  /// The golden rules of a stack, and the notes of its failures that became no rule yet: what an agent is told.
  Result<std::vector<std::string>> rules_of_stack(std::string_view stack);
  Result<std::vector<std::string>> lessons_of_stack(std::string_view stack, std::size_t limit);

 private:
  template <class MakeQuery>
  Result<std::vector<Row>> paged(std::size_t limit, MakeQuery&& make_query);
  Result<std::vector<std::string>> values(const Query& query, std::string_view variable);

  Client& client_;
  std::size_t rows_per_page_;
};

}  // namespace swarm::knowledge::synapse
