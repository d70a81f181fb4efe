#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "libs/base/result.hpp"
#include "protos/orchestrator.pb.h"

namespace swarm::ctl {

/// What a task is made of, apart from what belongs to one submission only.
struct TaskOptions {
  std::string description, context, context_file;
  std::string stack, state, until, role, tenant;
  std::vector<std::string> capabilities, permissions, constraints;
  std::map<std::string, std::string> labels;
  int priority = 0;
  int max_attempts = 0;
  double budget = 0;
  std::string concurrency_key;
  int concurrency_max = 0;
  std::chrono::milliseconds schedule_to_start{0};
  std::chrono::milliseconds start_to_close{0};
  std::chrono::milliseconds heartbeat{0};
  std::chrono::milliseconds deadline{0};
  bool approval = false;
};

/// All but the description.
void add_task_options(Command app, TaskOptions& out);
/// Reads the context's file, if one is named.
Result<orchestrator::NewTask> to_task(const TaskOptions& options);

/// A file, at most 16 MiB; "-" is the standard input.
Result<std::string> read_input(const std::string& path);

}  // namespace swarm::ctl
