#include <boost/json.hpp>
#include <optional>

#include "backup/receive.hpp"
#include "backup/restore.hpp"
#include "backup/set.hpp"
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

void fail(Session& session, const std::string& what, const Error& error) {
  session.err << "swarmctl: " << what << ": " << error.message << std::endl;
  session.exit_code = 1;
}

/// One after the other, in the order of kPeers: see BackupSet. The first that fails ends it, as no set can come of the others.
void backup(Session& session, const Options& o) {
  const fs::path place(o.to);
  if (is_backup_set(place)) return fail(session, "backup make", {Code::AlreadyExists, o.to + " holds a backup already; choose another place"});
  std::vector<std::string> folders;
  for (const Peer peer : kPeers) {
    const std::string name(facts(peer).name);
    if (!o.only.empty() && std::find(o.only.begin(), o.only.end(), name) == o.only.end()) continue;
    folders.emplace_back(facts(peer).program);
    const auto made = receive(session, peer, place / folders.back());
    if (!made) return session.fail("backup of the " + name, peer, made.error());
    tell(session, (place / folders.back()).string(), made.value());
  }
  if (!o.only.empty()) return;
  if (const auto set = write_backup_set(place, folders); !set) fail(session, "backup make", set.error());
}

void tell_all(Session& session, const std::string& what, const Result<std::vector<CheckedMember>>& members) {
  if (!members) return fail(session, what, members.error());
  for (const auto& member : members.value()) tell(session, member.folder.string(), member.manifest);
}

void check(Session& session, const Options& o) {
  if (is_backup_set(o.from)) return tell_all(session, "backup check", check_backup_set(o.from));
  const auto manifest = check_backup(o.from);
  if (!manifest) return fail(session, "backup check", manifest.error());
  tell(session, o.from, manifest.value());
}

void restore(Session& session, const Options& o) {
  if (is_backup_set(o.from)) return tell_all(session, "backup restore", restore_backup_set(o.from, o.to));
  const auto manifest = restore_backup(o.from, o.to);
  if (!manifest) return fail(session, "backup restore", manifest.error());
  tell(session, o.to, manifest.value());
}

}  // namespace

void add_backup(Command program, Session& session) {
  auto o = std::make_shared<Options>();
  const Command group = program.group("backup", "copies of the services' data, made while they run");
  const Command make = group.command("make", "fetch a copy of each service's data into DIR/<program>, one after the other, as a set that fits together; admins only");
  make.option("to", o->to, "where to").required().type("DIR");
  make.option("--only", o->only, "this service, which makes no set; may be repeated").one_of({"orchestrator", "analyst", "gateway"}).type("SERVICE").repeatable();
  make.action([o, &session] { backup(session, *o); });
  const Command look = group.command("check", "is every file of a backup what it was?");
  look.option("from", o->from, "a set, or one service's backup").required().type("DIR");
  look.action([o, &session] { check(session, *o); });
  const Command put = group.command("restore", "put a backup into the data directory of a service that does not run; a set into DATA_DIR/<program> of all");
  put.option("from", o->from, "a set, or one service's backup").required().type("DIR");
  put.option("to", o->to, "the data directory, absent or empty; for a set the one above them").required().type("DATA_DIR");
  put.action([o, &session] { restore(session, *o); });
}

}  // namespace swarm::ctl
