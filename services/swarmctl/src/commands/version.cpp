#include <boost/json.hpp>
#include <grpcpp/grpcpp.h>

#include "commands/commands.hpp"

namespace swarm::ctl {

void add_version(Command program, Session& session) {
  program.command("version", "print the version").action([&session] {
    if (session.json) {
      session.out << boost::json::object{{"version", SWARM_VERSION}, {"grpc", grpc::Version()}} << std::endl;
    } else {
      session.out << "swarmctl " << SWARM_VERSION << " (gRPC " << grpc::Version() << ")" << std::endl;
    }
  });
}

}  // namespace swarm::ctl
