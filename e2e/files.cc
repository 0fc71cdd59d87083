#include "e2e/files.h"

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "os/process.h"

namespace crisp::e2e {

namespace fs = std::filesystem;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream data;
  data << file.rdbuf();
  return data.str();
}

void WriteFile(const std::string& path, const std::string& data) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << data;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

void WriteScript(const std::string& path, const std::string& text) {
  WriteFile(path, text);
  if (chmod(path.c_str(), 0755) != 0) throw std::runtime_error("cannot chmod " + path);
}

void MakeDirectory(const std::string& path) {
  fs::create_directories(path);
}

bool FileExists(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string Run(const std::string& path, const std::vector<std::string>& arguments) {
  Command command;
  command.path = path;
  command.args = arguments;
  command.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
  command.output_limit = 16 << 20;
  auto result = RunCommand(command, CallContext::WithTimeout(std::chrono::seconds(60)));
  if (!result.ok()) throw std::runtime_error(path + ": " + std::string(result.status().message()));
  if (!result->ok()) throw std::runtime_error(path + ": " + result->Describe() + "\n" + result->error_output);
  return result->output;
}

}  // namespace crisp::e2e
