# Prints the results of tools/scripts/sweep.sh as the paper's Tables 4 to 6, each score's best marked by "*":
#   awk -f results.awk -f tables.awk results.csv
END {
  for (i = 1; i <= notes; ++i) print note[i]
  split("fd_revised fd_generated kid_revised kid_generated is_revised is_generated", score, " ")
  split("FD-cls revised,FD-cls g(z),KID-cls revised,KID-cls g(z),IS-cls revised,IS-cls g(z)", title, ",")
  sign["l"] = "l"; sign["d"] = "d"; sign["kl"] = "γ"
  if (count["l"]) print "\nTable 4: step size s (rows), Langevin steps l (columns)"
  for (k = 1; k <= 6 && count["l"]; ++k) {
    if (k > 1) print ""
    head(title[k], "l")
    for (j = 1; j <= count["s"]; ++j) {
      printf "%-16s", "s " axis["s", j]
      for (i = 1; i <= count["l"]; ++i) entry("l", "l" axis["l", i] "-x" axis["s", j], score[k])
      print ""
    }
  }
  line("Table 5: dimension d of z", "d")
  line("Table 6: weight γ of the KL term", "kl")
  print "\nThe recipe's own: l " value["own", "steps"] ", s 1 (drift " value["own", "drift"] ", noise " \
    value["own", "noise"] "), d " value["own", "latent"] ", γ " value["own", "kl_weight"] ": " \
    (reason["own"] == "" ? "FD-cls " value["own", "fd_revised"] " revised, " value["own", "fd_generated"] " g(z)" \
                         : "diverged")
  if (reason["own"] == "")
    print "Real images: FD-cls " value["own", "fd_real"] ", KID-cls " value["own", "kid_real"] ", IS-cls " \
      value["own", "is_real"]
  for (i = 1; i <= cells; ++i) {
    if (reason[cell[i]] != "") print "Diverged for good: " cell[i] ": " reason[cell[i]]
    else if (value[cell[i], "rollbacks"] > 0)
      returns = returns (returns == "" ? "" : ", ") cell[i] " " value[cell[i], "rollbacks"]
  }
  if (returns != "") print "Diverged and went back, and how often: " returns
}
function head(text, table,   i) {
  printf "%-16s", text
  # not "%11s": some awks count the bytes of γ
  for (i = 1; i <= count[table]; ++i) printf "%*s%s %s", 9 - length(axis[table, i]), "", sign[table], axis[table, i]
  print ""
}
function entry(table, name, score) {
  name = found(name)
  if (name == "") printf "%10s ", "-"
  else if (reason[name] != "") printf "%10s ", "diverged"
  else printf "%10s%s", value[name, score], name == best(score, table) ? "*" : " "
}
# A table of one setting: scores are its rows.
function line(text, table,   i, k) {
  if (!count[table]) return
  print "\n" text
  head("", table)
  for (k = 1; k <= 6; ++k) {
    printf "%-16s", title[k]
    for (i = 1; i <= count[table]; ++i) entry(table, table axis[table, i], score[k])
    print ""
  }
}
