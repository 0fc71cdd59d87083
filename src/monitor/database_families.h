// The families of the database.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace crisp {

class Database;

// Never waits for a transaction.
void AddDatabaseFamilies(const Database& database, std::vector<prometheus::MetricFamily>* families);

}  // namespace crisp
