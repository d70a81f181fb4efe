#include "adapters/grpc/reply_router.hpp"

#include "adapters/grpc/mapping.hpp"
#include "libs/base/check.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

/// The reply as the type that this call waits for; anything else is a defect of ours.
template <class T>
T& as(Reply& reply) {
  auto* typed = std::get_if<T>(&reply);
  SWARM_CHECK(typed != nullptr, "an answer of the wrong type was routed to a call");
  return *typed;
}

/// An answer that can only succeed, from what fills it in.
template <class FillIn>
auto ok(FillIn fill_in) {
  return [fill_in = std::move(fill_in)](auto& out) {
    fill_in(out);
    return grpc::Status::OK;
  };
}

}  // namespace

void ReplyRouter::answer(CallId call, Reply&& reply) {
  const auto kind = static_cast<CallKind>(call >> 56);
  const std::uint64_t id = call & 0x00ff'ffff'ffff'ffffull;
  if (kind == CallKind::Link) {
    // A stream's call id holds the stream's number in its upper part, and what the stream makes of the rest.
    const std::uint64_t link_id = id >> 24;
    std::shared_ptr<Link> link;
    {
      std::lock_guard lock(mutex_);
      const auto it = links_.find(link_id);
      if (it != links_.end()) link = it->second;
    }
    if (!link) return;
    link->answer(call, std::move(reply));
    answered_.emplace(link_id, std::move(link));
  } else if (const auto* error = std::get_if<Error>(&reply)) {
    fail(kind, id, *error);
  } else {
    answer_unary(kind, id, std::move(reply));
  }
}

void ReplyRouter::flush() {
  for (auto& [id, link] : answered_) link->flush();
  answered_.clear();
}

void ReplyRouter::answer_unary(CallKind kind, std::uint64_t id, Reply&& reply) {
  switch (kind) {
    case CallKind::Register:
      registers.finish(id, ok([&](auto& out) { fill_registered(out, as<Registered>(reply)); }));
      break;
    case CallKind::Poll:
      polls.finish(id, [&](auto& out) {
        if (const auto* nothing = std::get_if<NothingToDo>(&reply)) {
          out.set_drain(nothing->drain);
          return grpc::Status::OK;
        }
        auto filled = fill_assignment(out, as<Assigned>(reply));
        return filled ? grpc::Status::OK : rpc::to_status(filled.error());
      });
      break;
    case CallKind::Result:
      results.finish(id, [&](auto& out) {
        const auto& answer = as<ResultsAnswered>(reply).answers.front();
        if (answer.error) return rpc::to_status(*answer.error);
        fill(out, answer);
        return grpc::Status::OK;
      });
      break;
    case CallKind::Heartbeat:
      heartbeats.finish(id, ok([&](auto& out) { fill(out, as<HeartbeatAnswered>(reply)); }));
      break;
    case CallKind::SubmitOne:
      submits.finish(id, ok([&](auto& out) {
        const auto& task = as<Submitted>(reply).tasks.front();
        out.set_task_id(text(task.id));
        out.set_created(task.created);
      }));
      break;
    case CallKind::SubmitMany:
      bulk_submits.finish(id, ok([&](auto& out) { fill(out, as<Submitted>(reply)); }));
      break;
    case CallKind::Dispatch:
      dispatches.finish(id, ok([&](auto& out) { fill(out, as<DispatchAnswered>(reply).state); }));
      break;
    case CallKind::Agents:
      agents.finish(id, ok([&](auto& out) {
        for (const auto& view : as<AgentsListed>(reply).agents) fill(*out.add_agents(), view);
      }));
      break;
    case CallKind::Task:
    case CallKind::Inspect:
    case CallKind::Explain:
    case CallKind::Redrive:
    case CallKind::Delete: answer_about_task(kind, id, std::move(reply)); break;
    case CallKind::Hold:
    case CallKind::Holds:
    case CallKind::Schedule:
    case CallKind::Schedules: answer_about_settings(kind, id, std::move(reply)); break;
    case CallKind::Link: break;
  }
}

void ReplyRouter::answer_about_task(CallKind kind, std::uint64_t id, Reply&& reply) {
  switch (kind) {
    case CallKind::Task:
      tasks.finish(id, [&](auto& out) {
        const auto& task = as<TaskAnswered>(reply).task;
        fill(out, task);
        auto texts = store_.texts(*task.spec, *task.state);
        if (texts) fill(out, texts.value());
        return grpc::Status::OK;
      });
      break;
    case CallKind::Inspect:
      inspections.finish(id, ok([&](auto& out) {
        const auto& soft = as<TaskInspected>(reply);
        if (!soft.waits_for.empty()) out.set_status_reason(soft.waits_for);
        if (!soft.held) return;
        out.set_progress(soft.progress);
        out.set_lease_expires_in_ms(
            std::chrono::duration_cast<std::chrono::milliseconds>(soft.expires_in).count());
      }));
      break;
    case CallKind::Explain:
      explanations.finish(id, ok([&](auto& out) { fill(out, as<TaskExplained>(reply)); }));
      break;
    case CallKind::Redrive:
      // The handler has filled in where each comes from, in the same order.
      redrives.finish(id, ok([&](auto& out) {
        const auto& made = as<Submitted>(reply).tasks;
        for (std::size_t i = 0; i < made.size(); ++i) {
          auto& item = *out.mutable_tasks(static_cast<int>(i));
          item.set_to(text(made[i].id));
          item.set_created(made[i].created);
        }
      }));
      break;
    case CallKind::Delete: deletions.finish(id, ok([](auto&) {})); break;
    default: break;
  }
}

void ReplyRouter::answer_about_settings(CallKind kind, std::uint64_t id, Reply&& reply) {
  switch (kind) {
    case CallKind::Hold:
      hold_changes.finish(id, ok([&](auto& out) { fill(out, as<HoldsListed>(reply).holds.front()); }));
      break;
    case CallKind::Holds:
      holds.finish(id, ok([&](auto& out) {
        for (const auto& hold : as<HoldsListed>(reply).holds) fill(*out.add_holds(), hold);
      }));
      break;
    case CallKind::Schedule:
      schedule_changes.finish(id, ok([&](auto& out) { fill(out, as<SchedulesListed>(reply).schedules.front(), true); }));
      break;
    case CallKind::Schedules:
      schedules.finish(id, ok([&](auto& out) {
        const auto& found = as<SchedulesListed>(reply).schedules;
        for (const auto& view : found) fill(*out.add_schedules(), view, found.size() == 1);
      }));
      break;
    default: break;
  }
}

void ReplyRouter::fail(CallKind kind, std::uint64_t id, const Error& error) {
  switch (kind) {
    case CallKind::Register: registers.fail(id, error); break;
    case CallKind::Poll: polls.fail(id, error); break;
    case CallKind::Result: results.fail(id, error); break;
    case CallKind::Heartbeat: heartbeats.fail(id, error); break;
    case CallKind::SubmitOne: submits.fail(id, error); break;
    case CallKind::SubmitMany: bulk_submits.fail(id, error); break;
    case CallKind::Task: tasks.fail(id, error); break;
    case CallKind::Inspect: inspections.fail(id, error); break;
    case CallKind::Dispatch: dispatches.fail(id, error); break;
    case CallKind::Agents: agents.fail(id, error); break;
    case CallKind::Explain: explanations.fail(id, error); break;
    case CallKind::Redrive: redrives.fail(id, error); break;
    case CallKind::Delete: deletions.fail(id, error); break;
    case CallKind::Hold: hold_changes.fail(id, error); break;
    case CallKind::Holds: holds.fail(id, error); break;
    case CallKind::Schedule: schedule_changes.fail(id, error); break;
    case CallKind::Schedules: schedules.fail(id, error); break;
    case CallKind::Link: break;
  }
}

void ReplyRouter::fail_calls(const Error& error) {
  registers.fail_all(error);
  polls.fail_all(error);
  results.fail_all(error);
  heartbeats.fail_all(error);
  submits.fail_all(error);
  bulk_submits.fail_all(error);
  tasks.fail_all(error);
  inspections.fail_all(error);
  dispatches.fail_all(error);
  agents.fail_all(error);
  explanations.fail_all(error);
  redrives.fail_all(error);
  deletions.fail_all(error);
  hold_changes.fail_all(error);
  holds.fail_all(error);
  schedule_changes.fail_all(error);
  schedules.fail_all(error);
}

std::size_t ReplyRouter::open_calls() const {
  return registers.size() + polls.size() + results.size() + heartbeats.size() + submits.size() + bulk_submits.size() +
         tasks.size() + inspections.size() + dispatches.size() + agents.size() + explanations.size() +
         redrives.size() + deletions.size() + hold_changes.size() + holds.size() + schedule_changes.size() + schedules.size();
}

std::uint64_t ReplyRouter::add_link(std::shared_ptr<Link> link) {
  std::lock_guard lock(mutex_);
  links_.emplace(++last_link_, std::move(link));
  return last_link_;
}

void ReplyRouter::remove_link(std::uint64_t id) {
  std::lock_guard lock(mutex_);
  links_.erase(id);
}

std::size_t ReplyRouter::links() const {
  std::lock_guard lock(mutex_);
  return links_.size();
}

std::vector<std::shared_ptr<Link>> ReplyRouter::all_links() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Link>> out;
  for (const auto& [id, link] : links_) out.push_back(link);
  return out;
}

void ReplyRouter::drain_links() {
  for (const auto& link : all_links()) link->drain();
}

void ReplyRouter::end_links(const Error& error) {
  for (const auto& link : all_links()) link->end(error);
}

void ReplyRouter::fill_registered(::orchestrator::RegisterResponse& out, const Registered& registered) const {
  out.set_agent_id(registered.name);
  out.set_lease_ms(options_.lease.count());
  out.set_heartbeat_ms(options_.heartbeat.count());
  out.set_server_version(SWARM_VERSION);
}

Result<void> ReplyRouter::fill_assignment(::orchestrator::TaskAssignment& out, const Assigned& assigned) const {
  BOOST_OUTCOME_TRY(auto texts, assignment_texts(store_, assigned.task, options_.context));
  fill(out, assigned, options_.lease);
  *out.mutable_description() = std::move(texts.description);
  if (options_.tokens != nullptr) out.set_budget_task_token(options_.tokens->sign(*assigned.task.spec));
  if (options_.lessons != nullptr) {
    const auto lessons = options_.lessons->section(assigned.task.spec->stack);
    if (!lessons.empty()) texts.context += (texts.context.empty() ? "" : "\n\n") + lessons;
  }
  *out.mutable_context() = std::move(texts.context);
  *out.mutable_previous_artifact() = std::move(texts.previous_artifact);
  for (const auto& entry : texts.feedback) fill(*out.add_feedback(), entry);
  for (auto& constraint : texts.constraints) out.add_constraints(std::move(constraint));
  return outcome::success();
}

}  // namespace swarm::orchestrator::grpc_api
