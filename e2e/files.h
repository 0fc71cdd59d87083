// Files and commands for tests: short, and an exception where something cannot be done.
#pragma once

#include <string>
#include <vector>

namespace crisp::e2e {

std::string ReadFile(const std::string& path);  // empty if it is not there
void WriteFile(const std::string& path, const std::string& data);
// Makes missing parents too; an executable script.
void WriteScript(const std::string& path, const std::string& text);
void MakeDirectory(const std::string& path);
bool FileExists(const std::string& path);
std::vector<std::string> Lines(const std::string& text);

// Standard output of a program of this machine; throws with its standard error if it fails.
std::string Run(const std::string& path, const std::vector<std::string>& arguments);

}  // namespace crisp::e2e
