#include "monitor/database_families.h"

#include <sys/stat.h>

#include <string>
#include <utility>

#include "monitor/read_values.h"
#include "store/database.h"

namespace crisp {
namespace {

// 0 if it is not there: SQLite removes its log when it closes the file.
double SizeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<double>(info.st_size) : 0;
}

}  // namespace

void AddDatabaseFamilies(const Database& database, std::vector<prometheus::MetricFamily>* families) {
  const DatabaseCounters& counters = database.counters();
  families->push_back(CountBy("result", "crisp_database_transactions_total",
                              "Transactions that were to change the database.", counters.transactions));
  families->push_back(Times("crisp_database_commit_seconds", "Time of commits, of which most is the wait for the disk.",
                            counters.commits));
  prometheus::MetricFamily sizes =
      Family("crisp_database_bytes", "Size of the files of the database.", prometheus::MetricType::Gauge);
  AddValue(&sizes, SizeOf(database.path()), {{"file", "database"}});
  AddValue(&sizes, SizeOf(database.path() + "-wal"), {{"file", "wal"}});
  families->push_back(std::move(sizes));
  families->push_back(Gauge("crisp_database_in_memory",
                            "1 while the file cannot be written and removals are kept in memory, else 0.",
                            counters.in_memory ? 1 : 0));
}

}  // namespace crisp
