#include "libs/knowledge/link/store_link.hpp"

namespace swarm::knowledge {
namespace {

/// Says through the outbox, asks the store.
class ThroughOutbox final : public Knowledge {
 public:
  ThroughOutbox(Outbox& outbox, Knowledge& store) : outbox_(outbox), store_(store) {}

  Result<void> add(const std::vector<Statement>& statements) override { return outbox_.append(statements); }
  Result<std::vector<Statement>> about(std::string_view subject, std::string_view predicate) override {
    return store_.about(subject, predicate);
  }
  Result<std::vector<Statement>> all(std::string_view predicate, std::size_t limit) override {
    return store_.all(predicate, limit);
  }

 private:
  Outbox& outbox_;
  Knowledge& store_;
};

}  // namespace

// In the order in which they are built; the outbox's thread ends before what it uses goes.
struct StoreLink::Impl {
  std::unique_ptr<lmdb::Environment> environment;
  std::unique_ptr<synapse::Client> client;
  std::unique_ptr<synapse::SynapseKnowledge> store;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<ThroughOutbox> knowledge;
};

StoreLink::StoreLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreLink::~StoreLink() = default;

Result<std::unique_ptr<StoreLink>> StoreLink::open(const LinkOptions& options, const std::filesystem::path& directory,
                                                   const std::string& service, const Clock& clock, metrics::Registry& registry) {
  auto impl = std::make_unique<Impl>();
  lmdb::Options environment;
  environment.directory = directory;
  environment.identity = {service + "-outbox", 1};
  environment.size_bytes_max = options.journal_bytes_max;
  BOOST_OUTCOME_TRY(impl->environment, lmdb::Environment::open(environment));
  impl->client = std::make_unique<synapse::Client>(options.synapse, clock, registry);
  impl->store = std::make_unique<synapse::SynapseKnowledge>(*impl->client);
  BOOST_OUTCOME_TRY(impl->outbox, Outbox::open(*impl->environment, *impl->store, clock, registry, options.outbox));
  impl->knowledge = std::make_unique<ThroughOutbox>(*impl->outbox, *impl->store);
  return std::unique_ptr<StoreLink>(new StoreLink(std::move(impl)));
}

Knowledge& StoreLink::knowledge() { return *impl_->knowledge; }
synapse::SynapseKnowledge& StoreLink::store() { return *impl_->store; }
Outbox& StoreLink::outbox() { return *impl_->outbox; }
const lmdb::Environment& StoreLink::journal() const { return *impl_->environment; }

bool StoreLink::well() const {
  return impl_->outbox->state().last_error.empty() && impl_->client->trouble().empty();
}

std::string StoreLink::detail() const {
  const auto error = impl_->client->trouble();
  const auto outbox = impl_->outbox->detail();
  if (error.empty() || outbox.find(error) != outbox.npos) return outbox;
  return outbox + "; last call: " + error;
}

void read_link(settings::Object& o, LinkOptions& options) {
  o.section("synapse", "The swarm's common knowledge store (Synapse).",
            [&](settings::Object& section) { synapse::read_options(section, options.synapse); });
  o.section("outbox", "The journal of what the store is to be told.", [&](settings::Object& section) {
    section.bytes("bytes_max", options.journal_bytes_max, "size of the journal at most", 1u << 20);
    section.value("retry_max", options.outbox.retry_max, "longest wait between two attempts", std::chrono::milliseconds(10));
    section.value("verify_every", options.outbox.verify_every,
                  "how often the store is asked whether it still has what it got; if not, it gets everything again",
                  std::chrono::milliseconds(10));
  });
}

}  // namespace swarm::knowledge
