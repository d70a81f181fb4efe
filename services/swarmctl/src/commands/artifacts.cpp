#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "call.hpp"
#include "commands/commands.hpp"
#include "libs/base/sha256.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = orchestrator::Orchestrator::Stub;

struct GetOptions {
  std::string task;
  std::string name;
  std::string to;
  int attempt = 0;
};

void run_list(Session& session, const std::string& task) {
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  orchestrator::TaskRef ref;
  ref.set_task_id(task);
  const auto found = call(session, *stub, &Stub::ListArtifacts, ref);
  if (!found) return session.fail("artifacts list", Peer::Orchestrator, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"NAME", false, true}, {"BYTES", true}, {"TRY", true}, {"BY"}, {"STATE"}, {"SHA-256"}});
  for (const auto& a : found.value().artifacts()) {
    table.add({a.name(), std::to_string(a.bytes()), std::to_string(a.attempt()), a.agent(), a.accepted() ? "accepted" : "handed in", a.sha256()});
  }
  if (!table.empty()) return table.print(session.out, session.terminal);
  session.err << "swarmctl: no artifacts" << std::endl;
}

/// Where the bytes go: standard output, or a file that gets its name once all of it is there.
class Target {
 public:
  explicit Target(const std::string& path) : path_(path), partial_(path + ".part") {}
  ~Target() {
    if (fd_ > STDOUT_FILENO) ::close(fd_);
    if (!is_stdout() && !kept_) ::unlink(partial_.c_str());
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  Result<void> open() {
    if (is_stdout()) return outcome::success();
    fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd_ < 0) return fault("make " + partial_);
    return outcome::success();
  }
  Result<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fault("write " + (is_stdout() ? "to standard output" : partial_));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return outcome::success();
  }
  Result<void> keep() {
    if (is_stdout()) return outcome::success();
    if (::fsync(fd_) != 0 || ::rename(partial_.c_str(), path_.c_str()) != 0) return fault("write " + path_);
    kept_ = true;
    return outcome::success();
  }

 private:
  bool is_stdout() const { return path_ == "-"; }
  static Error fault(const std::string& what) { return {Code::Internal, "can't " + what + ": " + std::strerror(errno)}; }

  const std::string path_;
  const std::string partial_;
  int fd_ = STDOUT_FILENO;
  bool kept_ = false;
};

Result<orchestrator::ArtifactInfo> receive(Session& session, const GetOptions& o, Target& target) {
  grpc::ClientContext context;
  session.prepare(context, false);  // it takes as long as the file is large
  orchestrator::ArtifactRequest request;
  request.set_task_id(o.task);
  request.set_name(o.name);
  request.set_attempt(o.attempt);
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const auto stream = stub->DownloadArtifact(&context, request);
  orchestrator::ArtifactInfo info;
  orchestrator::ArtifactPart part;
  Sha256 sum;
  Result<void> written = outcome::success();
  while (written && stream->Read(&part)) {
    if (part.has_info()) info = part.info();
    sum.add(part.data());
    written = target.write(part.data());
  }
  if (!written) context.TryCancel();
  const auto status = stream->Finish();
  if (!written) return written.error();
  if (!status.ok()) return rpc::from_status(status);
  if (sum.finish() != info.sha256()) return Error{Code::DataLoss, "what came is not the artifact that was handed in; try again"};
  return info;
}

void run_get(Session& session, const GetOptions& o) {
  Target target(o.to);
  auto got = [&]() -> Result<orchestrator::ArtifactInfo> {
    BOOST_OUTCOME_TRY(target.open());
    BOOST_OUTCOME_TRY(auto info, receive(session, o, target));
    BOOST_OUTCOME_TRY(target.keep());
    return info;
  }();
  if (!got) return session.fail("artifacts get", Peer::Orchestrator, got.error());
  if (o.to == "-") return;
  if (session.json) return session.print_json(got.value());
  session.out << got.value().name() << "  " << got.value().bytes() << " bytes  " << o.to << std::endl;
}

}  // namespace

void add_artifacts(Command program, Session& session) {
  const Command artifacts = program.group("artifacts", "files that agents handed in");
  auto task = std::make_shared<std::string>();
  const Command list = artifacts.command("list", "the files of a task");
  list.option("task", *task, "the task").required().type("ID");
  list.action([task, &session] { run_list(session, *task); });
  auto o = std::make_shared<GetOptions>();
  const Command get = artifacts.command("get", "download a file of a task, and check it");
  get.option("task", o->task, "the task").required().type("ID");
  get.option("name", o->name, "the file, as list names it").required().type("NAME");
  get.option("-o,--output", o->to, "where to; -: standard output").required().type("FILE");
  get.option("--attempt", o->attempt, "that handed it in; default: the accepted one, or else the newest").between(1, 1'000'000);
  get.action([o, &session] { run_get(session, *o); });
}

}  // namespace swarm::ctl
