#include "libs/knowledge/testing/synapse_process.hpp"

#include <arpa/inet.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "libs/base/check.hpp"

extern char** environ;

namespace swarm::knowledge::testing {
namespace {

constexpr const char* kPackage = "integration-tests/synapse";

std::string find_python() {
  const char* const candidates[] = {std::getenv("SWARM_TEST_PYTHON"), "build/venv/bin/python"};
  for (const char* candidate : candidates) {
    if (candidate == nullptr || access(candidate, X_OK) != 0) continue;
    const auto probe = std::string(candidate) + " -c 'import grpc_tools, pyoxigraph' 2>/dev/null";
    if (std::system(probe.c_str()) == 0) return candidate;
  }
  return {};
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  SWARM_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0, "no free port");
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

int number_after(const std::string& text, const std::string& key) {
  const auto at = text.find(key);
  return at == text.npos ? 0 : std::atoi(text.c_str() + at + key.size());
}

}  // namespace

SynapseProcess::SynapseProcess(std::string python, std::filesystem::path storage, std::string tokens)
    : python_(std::move(python)), storage_(std::move(storage)), tokens_("SYNAPSE_AUTH_TOKENS=" + tokens) {}

std::unique_ptr<SynapseProcess> SynapseProcess::prepare(const std::filesystem::path& storage, std::string tokens) {
  auto python = find_python();
  if (python.empty()) {
    std::fputs("SKIPPED: no Python with grpcio-tools and pyoxigraph for the Synapse stand-in (SWARM_TEST_PYTHON)\n", stderr);
    return nullptr;
  }
  std::unique_ptr<SynapseProcess> process(new SynapseProcess(std::move(python), storage, std::move(tokens)));
  process->port_ = free_port();
  return process;
}

std::unique_ptr<SynapseProcess> SynapseProcess::start(const std::filesystem::path& storage, std::string tokens) {
  auto process = prepare(storage, std::move(tokens));
  if (process) process->run();
  return process;
}

SynapseProcess::~SynapseProcess() { kill(); }

void SynapseProcess::run() {
  int out[2];
  SWARM_CHECK(pipe(out) == 0, "no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_addclose(&actions, out[0]);
  // A test program that a sanitizer ends must not leave this process behind: it would keep the runner's pipe open for ever.
  std::vector<std::string> words = {"setpriv", "--pdeathsig", "KILL", python_, kPackage, "--port", std::to_string(port_), "--storage", storage_.string()};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment = {tokens_.data()};
  for (char** e = environ; *e != nullptr; ++e) environment.push_back(*e);
  environment.push_back(nullptr);
  SWARM_CHECK(posix_spawnp(&pid_, "setpriv", &actions, nullptr, arguments.data(), environment.data()) == 0, "spawn failed");
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  std::string line;
  for (char c = 0; read(out[0], &c, 1) == 1 && c != '\n';) line += c;
  close(out[0]);
  control_port_ = number_after(line, "\"control\": ");
  SWARM_CHECK(number_after(line, "\"port\": ") == port_, "the stand-in did not start");
}

void SynapseProcess::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void SynapseProcess::kill() { end(SIGKILL); }
void SynapseProcess::interrupt() { end(SIGINT); }
void SynapseProcess::wipe() { std::filesystem::remove_all(storage_); }

void SynapseProcess::fault(const std::string& json) { control("POST /faults", json); }
void SynapseProcess::clear_faults() { control("DELETE /faults", ""); }

void SynapseProcess::control(const std::string& request_line, const std::string& body) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  auto address = loopback(control_port_);
  SWARM_CHECK(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "the control port is closed");
  const auto request = request_line + " HTTP/1.0\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  SWARM_CHECK(write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size()), "the control port is closed");
  std::string answer;
  char part[512];
  for (ssize_t n = 0; (n = read(fd, part, sizeof part)) > 0;) answer.append(part, static_cast<std::size_t>(n));
  close(fd);
  SWARM_CHECK(answer.find(" 200 ") != answer.npos, answer);
}

}  // namespace swarm::knowledge::testing
