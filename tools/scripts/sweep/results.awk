# Reads results.csv of tools/scripts/sweep.sh for those that show it, tables.awk and picture.awk:
#
#   note[1..notes]                             its comment lines
#   cell[1..cells]                             names: "own", the recipe's own settings; "l15-x0.5", "d32", "kl1.5"
#   value[cell, column]                        a cell's row, by the names of the columns
#   reason[cell]                               why it diverged; "" where it did not
#   axis["l", 1..count["l"]], "s", "d", "kl"   the values that are swept, growing
#   found(name)                                the cell with these settings, perhaps "own"; "" where it is not done
#   best(score, table)                         the cell that is best by a column: table "l" (Table 4), "d" or "kl"
BEGIN {FS = ","}
/^#/ {note[++notes] = substr($0, 3); next}
!columns {columns = split($0, column); next}
{
  cell[++cells] = $1
  for (i = 1; i < columns; ++i) value[$1, column[i]] = $i
  if (split($0, quoted, "\"") > 1) reason[$1] = quoted[2]
}
END {
  for (i = 1; i <= cells; ++i) {
    if (cell[i] ~ /^l/) {add("l", value[cell[i], "steps"]); add("s", value[cell[i], "s"])}
    if (cell[i] ~ /^d/) add("d", value[cell[i], "latent"])
    if (cell[i] ~ /^kl/) add("kl", value[cell[i], "kl_weight"])
    done[cell[i]] = 1
  }
  if (count["d"]) add("d", value["own", "latent"])
  if (count["kl"]) add("kl", value["own", "kl_weight"])
  for (i = 1; i <= count["l"]; ++i) if (axis["l", i] + 0 == value["own", "steps"] + 0) add("s", value["own", "s"])
}

# Keeps an axis sorted and without doubles.
function add(name, x,   i) {
  for (i = 1; i <= count[name]; ++i) if (axis[name, i] + 0 == x + 0) return
  for (i = ++count[name]; i > 1 && axis[name, i - 1] + 0 > x + 0; --i) axis[name, i] = axis[name, i - 1]
  axis[name, i] = x
}
function found(name) {
  if (name == "l" value["own", "steps"] "-x" value["own", "s"] || name == "d" value["own", "latent"] ||
      name == "kl" value["own", "kl_weight"]) return "own"
  return name in done ? name : ""
}
function best(score, table,   i, j, name, best_name) {
  for (i = 1; i <= count[table]; ++i)
    for (j = 1; j <= (table == "l" ? count["s"] : 1); ++j) {
      name = found(table axis[table, i] (table == "l" ? "-x" axis["s", j] : ""))
      if (name == "" || reason[name] != "") continue
      if (best_name == "" || better(score, value[name, score] + 0, value[best_name, score] + 0)) best_name = name
    }
  return best_name
}
# The inception score grows with quality, distances shrink.
function better(score, x, y) {return score ~ /^is_/ ? x > y : x < y}
