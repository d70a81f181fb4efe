#pragma once

#include <array>
#include <string>
#include <string_view>

namespace swarm::ctl {

/// The three services that swarmctl talks to.
enum class Peer { Orchestrator, Analyst, Gateway };
inline constexpr std::array<Peer, 3> kPeers = {Peer::Orchestrator, Peer::Analyst, Peer::Gateway};

struct PeerFacts {
  std::string_view name;           // as people say it
  std::string_view program;        // its binary
  std::string_view flag;           // of its gRPC address
  std::string_view variable;       // the same in the environment
  std::string_view address;        // default
  std::string_view admin_flag;     // of its admin port, for doctor
  std::string_view admin_variable;
  std::string_view admin_address;
  std::string_view service;        // of gRPC, that no other program of the swarm serves
};

const PeerFacts& facts(Peer peer);

}  // namespace swarm::ctl
