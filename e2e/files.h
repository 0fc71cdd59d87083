// Files and commands for tests. Each function throws std::runtime_error where it cannot do its work.
#pragma once

#include <string>
#include <vector>

namespace crisp::e2e {

// Empty if there is no such file.
std::string ReadFile(const std::string& path);
// Makes missing parents too.
void WriteFile(const std::string& path, const std::string& data);
// The same for an executable file.
void WriteScript(const std::string& path, const std::string& text);
// Makes missing parents too. The directory may exist.
void MakeDirectory(const std::string& path);
// A symbolic link that leads nowhere exists.
bool FileExists(const std::string& path);
std::vector<std::string> Lines(const std::string& text);

// Runs a program of this machine, for up to a minute, and returns its standard output. The exception for a program that
// fails has its standard error.
std::string Run(const std::string& path, const std::vector<std::string>& arguments);

}  // namespace crisp::e2e
