#include <boost/json.hpp>
#include <optional>

#include "backup/receive.hpp"
#include "backup/restore.hpp"
#include "call.hpp"
#include "commands/upkeep.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/operations.grpc.pb.h"

namespace swarm::ctl {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string from;
  std::string to;
  std::vector<std::string> only;
};

void tell(Session& session, const std::string& where, const Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const auto& file : manifest.files) bytes += file.bytes;
  if (session.json) {
    session.out << boost::json::object{{"service", manifest.service}, {"version", manifest.version}, {"made_unix_ms", manifest.made_unix_ms},
                                       {"files", manifest.files.size()}, {"bytes", bytes}, {"path", where}}
                << std::endl;
    return;
  }
  session.out << manifest.service << "  " << manifest.files.size() << " files, " << (bytes + (1 << 20) - 1) / (1 << 20) << " MiB, of "
              << utc(manifest.made_unix_ms) << "  " << where << std::endl;
}

Result<Manifest> receive(Session& session, Peer peer, const fs::path& directory) {
  BOOST_OUTCOME_TRY(auto receiver, BackupReceiver::open(directory));
  grpc::ClientContext context;
  session.prepare(context, false);  // it takes as long as the data is large
  const auto stub = operations::Operations::NewStub(session.channel(peer));
  const auto stream = stub->Backup(&context, operations::BackupRequest());
  operations::BackupPart part;
  std::optional<Error> bad;
  while (!bad && stream->Read(&part)) {
    if (const auto taken = receiver.take(part); !taken) bad = taken.error();
  }
  if (bad) context.TryCancel();
  const auto status = stream->Finish();
  if (bad) return *bad;
  if (!status.ok()) return rpc::from_status(status);
  return receiver.finish();
}

void backup(Session& session, const Options& o) {
  for (const Peer peer : kPeers) {
    const std::string name(facts(peer).name);
    if (!o.only.empty() && std::find(o.only.begin(), o.only.end(), name) == o.only.end()) continue;
    const auto directory = fs::path(o.to) / std::string(facts(peer).program);
    const auto made = receive(session, peer, directory);
    if (made) tell(session, directory.string(), made.value());
    else session.fail("backup of the " + name, peer, made.error());
  }
}

void check(Session& session, const Options& o) {
  const auto manifest = check_backup(o.from);
  if (!manifest) {
    session.err << "swarmctl: backup check: " << manifest.error().message << std::endl;
    session.exit_code = 1;
    return;
  }
  tell(session, o.from, manifest.value());
}

void restore(Session& session, const Options& o) {
  const auto manifest = restore_backup(o.from, o.to);
  if (!manifest) {
    session.err << "swarmctl: backup restore: " << manifest.error().message << std::endl;
    session.exit_code = 1;
    return;
  }
  tell(session, o.to, manifest.value());
}

}  // namespace

void add_backup(CLI::App& program, Session& session) {
  auto o = std::make_shared<Options>();
  CLI::App* group = program.add_subcommand("backup", "copies of the services' data, made while they run");
  group->require_subcommand(1);
  CLI::App* make = group->add_subcommand("make", "fetch a copy of each service's data into DIR/<service>; admins only");
  make->add_option("to", o->to, "where to")->required()->type_name("DIR");
  make->add_option("--only", o->only, "this service; may be repeated")->check(CLI::IsMember({"orchestrator", "analyst", "gateway"}))->type_name("SERVICE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->expected(1);
  make->callback([o, &session] { backup(session, *o); });
  CLI::App* look = group->add_subcommand("check", "is every file of a backup what it was?");
  look->add_option("from", o->from, "one service's backup")->required()->type_name("DIR");
  look->callback([o, &session] { check(session, *o); });
  CLI::App* put = group->add_subcommand("restore", "put a backup into the data directory of a service that does not run");
  put->add_option("from", o->from, "one service's backup")->required()->type_name("DIR");
  put->add_option("to", o->to, "the service's data directory, absent or empty")->required()->type_name("DATA_DIR");
  put->callback([o, &session] { restore(session, *o); });
}

}  // namespace swarm::ctl
