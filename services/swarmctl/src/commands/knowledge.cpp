#include <chrono>
#include <map>
#include <thread>

#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/command.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/knowledge_journal.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = knowledge_journal::KnowledgeJournal::Stub;
using State = knowledge_journal::JournalState;

constexpr std::chrono::milliseconds kLook{200};

struct Choice {
  std::string service;  // empty: all
  bool wait = false;
  std::chrono::milliseconds patience{60'000};

  bool includes(Peer peer) const { return service.empty() || service == facts(peer).name; }
};

std::unique_ptr<Stub> connect(Session& session, Peer peer) { return knowledge_journal::KnowledgeJournal::NewStub(session.channel(peer)); }

Result<State> look(Session& session, Peer peer) {
  return call(session, *connect(session, peer), &Stub::GetJournal, knowledge_journal::JournalQuery());
}

void add_row(Table& table, Peer peer, const State& s) {
  const std::string name(facts(peer).name);
  if (!s.configured()) return table.add({name, "-", "-", "-", "-", "no common store configured"});
  const auto waited = s.pending() == 0 ? "-" : duration(std::chrono::milliseconds(s.oldest_pending_ms()));
  table.add({name, {std::to_string(s.pending()), s.pending() == 0 ? Style::Good : Style::Waiting}, waited,
             std::to_string(s.kept()), std::to_string(s.resyncs()), s.detail()});
}

void print(Session& session, const std::map<Peer, State>& states) {
  if (session.json) {
    std::string out = "{";
    for (const auto& [peer, state] : states) {
      out += (out.size() > 1 ? ", \"" : "\"") + std::string(facts(peer).name) + "\": " + to_json(state);
    }
    session.out << out << '}' << std::endl;
    return;
  }
  Table table({{"SERVICE"}, {"PENDING", true}, {"OLDEST", true}, {"JOURNAL", true}, {"RESYNCS", true}, {"STATE", false, true}});
  for (const auto& [peer, state] : states) add_row(table, peer, state);
  table.print(session.out, session.terminal);
}

/// Looks until everything arrived or patience ends. False when something still waits.
bool wait_until_sent(Session& session, std::map<Peer, State>& states, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    bool waiting = false;
    for (auto& [peer, state] : states) {
      if (!state.configured()) continue;
      if (auto now = look(session, peer)) state = std::move(now).value();
      waiting = waiting || state.pending() > 0;
    }
    if (!waiting || std::chrono::steady_clock::now() >= end) return !waiting;
    std::this_thread::sleep_for(kLook);  // tidy: allow sleep: a person waits here, and nothing else happens meanwhile
  }
}

void show(Session& session, const Choice& choice) {
  std::map<Peer, State> states;
  for (const Peer peer : kPeers) {
    if (!choice.includes(peer)) continue;
    const auto state = look(session, peer);
    if (state) states.emplace(peer, state.value());
    else session.fail("knowledge status", peer, state.error());
  }
  if (!states.empty()) print(session, states);
}

void resync(Session& session, const Choice& choice) {
  std::map<Peer, State> states;
  for (const Peer peer : kPeers) {
    if (!choice.includes(peer)) continue;
    const auto before = look(session, peer);
    if (!before) {
      session.fail("knowledge resync", peer, before.error());
      continue;
    }
    if (!before.value().configured() && choice.service.empty()) {
      states.emplace(peer, before.value());
      continue;
    }
    const auto begun = call(session, *connect(session, peer), &Stub::Resync, knowledge_journal::ResyncRequest());
    if (begun) states.emplace(peer, begun.value());
    else session.fail("knowledge resync", peer, begun.error());
  }
  if (states.empty()) return;
  const bool sent = !choice.wait || wait_until_sent(session, states, choice.patience);
  print(session, states);
  if (sent) return;
  session.err << "swarmctl: not everything has arrived yet; it goes on being sent" << std::endl;
  session.exit_code = 1;
}

Command add_command(Command group, const std::string& name, const std::string& help, const std::shared_ptr<Choice>& choice) {
  const Command app = group.command(name, help);
  std::vector<std::string> names;
  for (const Peer peer : kPeers) names.emplace_back(facts(peer).name);
  app.option("--service", choice->service, "only this one: orchestrator, analyst or gateway").one_of(names);
  return app;
}

}  // namespace

void add_knowledge(Command program, Session& session) {
  const Command knowledge = program.group("knowledge", "what the services tell the swarm's common knowledge store");
  const auto choice = std::make_shared<Choice>();
  add_command(knowledge, "status", "what waits for the store, and why", choice).action([choice, &session] { show(session, *choice); });
  const Command again = add_command(knowledge, "resync", "send everything in the services' journals to the store again", choice);
  again.flag("--wait", choice->wait, "until everything has arrived");
  again.duration("--wait-max", choice->patience, "longest wait for that (default 60s)");
  again.action([choice, &session] { resync(session, *choice); });
}

}  // namespace swarm::ctl
