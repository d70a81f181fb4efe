#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <vector>

#include "commands/commands.hpp"
#include "commands/failure_rows.hpp"
#include "commands/line_file.hpp"
#include "libs/rpc/status.hpp"
#include "protos/analyst.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stream = grpc::ClientReaderWriter<analyst::FailureBatch, analyst::BatchAck>;

constexpr std::size_t kLineBytesMax = 128u << 20;
constexpr int kBatchEvents = 500;
constexpr std::size_t kBatchBytes = 4u << 20;
constexpr int kTriesWithoutProgress = 3;
constexpr std::chrono::seconds kProgressEvery{1};

struct Options {
  std::string file;
  bool restart = false;
};

// How far an import has come. All before `offset` was acknowledged, so it is durable.
struct Progress {
  std::uint64_t offset = 0;
  std::uint64_t lines = 0;
  std::uint64_t counted = 0, repeats = 0, refused = 0, rules = 0;
};

std::string note_file(const std::string& file) { return file + ".imported"; }

Progress read_note(const std::string& file) {
  Progress found;
  std::ifstream in(note_file(file));
  if (!(in >> found.offset >> found.lines >> found.counted >> found.repeats >> found.refused >> found.rules)) return {};
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  return failed || found.offset > size ? Progress{} : found;
}

// Losing it costs time and nothing else: what is sent again counts as repeats.
void write_note(const std::string& file, const Progress& at) {
  const auto fresh = note_file(file) + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << at.offset << ' ' << at.lines << ' ' << at.counted << ' ' << at.repeats << ' ' << at.refused << ' ' << at.rules << '\n';
    if (!out.flush()) return;
  }
  std::error_code failed;
  std::filesystem::rename(fresh, note_file(file), failed);
}

class Import {
 public:
  Import(Session& session, std::string file, Progress at) : session_(session), file_(std::move(file)), done_(at) {}

  /// Sends what is left over one stream. Unavailable and its like: call again, after what was acknowledged.
  Result<void> send_rest() {
    const auto stub = analyst::Analyst::NewStub(session_.channel(Peer::Analyst));
    grpc::ClientContext context;
    session_.prepare(context, false);
    stream_ = stub->ReportFailures(&context);
    next_ = done_;
    batch_.Clear();
    bytes_ = 0;
    bool sent = true;
    auto read = each_line(file_, kLineBytesMax, done_.offset, [&](const Line& line) {
      add(line);
      if (batch_.events_size() >= kBatchEvents || bytes_ >= kBatchBytes) sent = send();
      return sent;
    });
    if (read && sent && (batch_.events_size() > 0 || next_.offset > done_.offset)) sent = send();
    if (!read) context.TryCancel();
    else if (sent) stream_->WritesDone();
    const grpc::Status status = stream_->Finish();
    if (!read) return read.error();
    if (sent && status.ok()) return outcome::success();
    return status.ok() ? Error{Code::Unavailable, "the stream ended early"} : rpc::from_status(status);
  }

  const Progress& done() const { return done_; }

 private:
  void add(const Line& line) {
    ++next_.lines;
    next_.offset = line.next;
    auto text = line.text;
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
    if (text.empty()) return;
    auto event = line.cut ? Result<analyst::FailureEvent>(Error{Code::InvalidArgument, "longer than 128 MiB"}) : failure_of_json(text, next_.lines);
    if (!event) {
      ++next_.refused;
      if (next_.refused == 1) session_.err << "swarmctl: line " << next_.lines << ": " << event.error().message << std::endl;
      return;
    }
    bytes_ += event.value().ByteSizeLong();
    *batch_.add_events() = std::move(event.value());
  }

  // One batch and its answer; the file's position counts from then on.
  bool send() {
    batch_.set_sequence(next_.lines);
    analyst::BatchAck ack;
    if (!stream_->Write(batch_) || !stream_->Read(&ack)) return false;
    next_.counted += static_cast<std::uint64_t>(ack.counted());
    next_.repeats += static_cast<std::uint64_t>(ack.repeats());
    next_.refused += static_cast<std::uint64_t>(ack.refused());
    next_.rules += static_cast<std::uint64_t>(ack.rules_made());
    if (ack.refused() > 0) session_.err << "swarmctl: up to line " << next_.lines << ": " << ack.refused() << " refused: " << ack.message() << std::endl;
    done_ = next_;
    batch_.Clear();
    bytes_ = 0;
    tell();
    return true;
  }

  void tell() {
    const auto now = session_.clock.boot_now();
    if (now - told_ < kProgressEvery) return;
    told_ = now;
    write_note(file_, done_);
    session_.err << "swarmctl: " << done_.lines << " lines, " << done_.counted << " counted, " << done_.repeats << " known" << std::endl;
  }

  Session& session_;
  const std::string file_;
  Progress done_, next_;
  analyst::FailureBatch batch_;
  std::size_t bytes_ = 0;
  BootTime told_{};
  std::unique_ptr<Stream> stream_;
};

bool worth_another_try(Code code) { return code == Code::Unavailable || code == Code::ResourceExhausted || code == Code::Aborted; }

void import_file(Session& session, const Options& o) {
  const auto start = o.restart ? Progress{} : read_note(o.file);
  if (start.offset > 0) session.err << "swarmctl: going on after line " << start.lines << " (" << note_file(o.file) << ")" << std::endl;
  Import import(session, o.file, start);
  auto sent = import.send_rest();
  for (int idle = 0; !sent && worth_another_try(sent.error().code) && idle < kTriesWithoutProgress; ++idle) {
    const auto until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(session.timeout.count(), GPR_TIMESPAN));
    if (!session.channel(Peer::Analyst)->WaitForConnected(until)) break;
    const auto before = import.done().offset;
    sent = import.send_rest();
    if (import.done().offset > before) idle = -1;
  }
  const auto& done = import.done();
  if (!sent) {
    if (done.offset > start.offset) write_note(o.file, done);
    session.fail("failures import", Peer::Analyst, sent.error());
    session.err << "swarmctl: " << done.lines << " lines are in; the same command goes on from there" << std::endl;
    return;
  }
  std::error_code ignored;
  std::filesystem::remove(note_file(o.file), ignored);
  if (session.json) {
    session.out << "{\"lines\":" << done.lines << ",\"counted\":" << done.counted << ",\"repeats\":" << done.repeats
                << ",\"refused\":" << done.refused << ",\"rules_made\":" << done.rules << "}" << std::endl;
  } else {
    session.out << done.lines << " lines: " << done.counted << " counted, " << done.repeats << " known already, " << done.refused
                << " refused; " << done.rules << " rules made" << std::endl;
  }
  if (done.refused > 0) session.exit_code = 1;
}

}  // namespace

void add_failures(Command program, Session& session) {
  const Command failures = program.group("failures", "what agents failed with");
  auto o = std::make_shared<Options>();
  const Command app = failures.command("import", "report the failures of a file, one JSON object a line; again is harmless");
  app.option("FILE.jsonl", o->file, "error_log, and agent_id, task_id, attempt, role, stack, event_id where known").required().existing_file();
  app.flag("--restart", o->restart, "begin at the first line, not where an earlier import was broken off");
  app.action([o, &session] { import_file(session, *o); });
}

}  // namespace swarm::ctl
