#include "client/names.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace crisp::client {
namespace {

constexpr std::array kAdjectives = {
    "agile",   "amber",  "bold",    "brave",  "bright", "brisk",  "calm",   "candid", "clear",  "clever",
    "cosy",    "crisp",  "curious", "daring", "deft",   "eager",  "early",  "exact",  "fair",   "fresh",
    "frugal",  "gentle", "glad",    "golden", "happy",  "honest", "humble", "jolly",  "keen",   "kind",
    "light",   "lively", "lucid",   "mellow", "merry",  "mild",   "modest", "neat",   "nimble", "noble",
    "patient", "plain",  "polite",  "proud",  "quick",  "quiet",  "ready",  "serene", "sharp",  "silent",
    "steady",  "still",  "sunny",   "swift",  "tidy",   "vivid",  "warm",   "wise",   "witty",  "zesty"};

constexpr std::array kPeople = {
    "allen",   "babbage",  "backus",    "bartik",    "boole",      "borg",   "cerf",     "church",    "codd",
    "dahl",    "dijkstra", "engelbart", "ershov",    "feynman",    "floyd",  "goldberg", "granville", "hamilton",
    "hamming", "hoare",    "hopper",    "johnson",   "kernighan",  "kleene", "knuth",    "lamarr",    "lamport",
    "liskov",  "lovelace", "mccarthy",  "mccluskey", "meitner",    "milner", "naur",     "noether",   "nygaard",
    "perlman", "postel",   "ritchie",   "shannon",   "sutherland", "tarjan", "thompson", "turing",    "wilkes",
    "wilson",  "wing",     "wirth",     "yao",       "zuse"};

uint64_t RandomNumber() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) abort();  // cannot fail after boot
  return number;
}

}  // namespace

std::string NameOf(uint64_t number) {
  return absl::StrCat(kAdjectives.at(number % kAdjectives.size()), "_",
                      kPeople.at(number / kAdjectives.size() % kPeople.size()));
}

std::string RandomName() {
  return NameOf(RandomNumber());
}

std::string RandomHex() {
  return absl::StrCat(absl::Hex(RandomNumber(), absl::kZeroPad16));
}

}  // namespace crisp::client
