#include "tools/evaluate/frechet.h"

#include <string>

#include <Eigen/Eigenvalues>

#include "core/check.h"

namespace ebm {
namespace {

constexpr char kOp[] = "frechet_distance";
// Rounding may push an eigenvalue that is 0 below it, by this share of the largest one at most.
constexpr double kTolerance = 1e-9;

using Solver = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;

Eigen::Map<const Eigen::MatrixXd> square(const std::vector<double>& values, int64_t d) { return {values.data(), d, d}; }

Eigen::Map<const Eigen::MatrixXd> covariance(const Gaussian& g) { return square(g.covariance, g.dimension()); }

// Square roots of the eigenvalues of a positive semidefinite matrix.
Eigen::VectorXd roots(const Solver& solver) {
  EBM_CHECK(solver.info() == Eigen::Success, kOp, "a covariance whose eigenvalues do not converge", "finite features");
  const Eigen::VectorXd& values = solver.eigenvalues();  // ascending
  EBM_CHECK(values(0) >= -kTolerance * values.cwiseAbs().maxCoeff(), kOp,
            "a covariance with eigenvalue " + std::to_string(values(0)), "a positive semidefinite one");
  return values.cwiseMax(0.0).cwiseSqrt();
}

}  // namespace

FrechetReference::FrechetReference(Gaussian a) : a_(std::move(a)), root_(a_.covariance.size()) {
  const int64_t d = a_.dimension();
  EBM_CHECK(d > 0, kOp, "features of 0 numbers", "at least one");
  const Solver solver(covariance(a_));
  const Eigen::MatrixXd& v = solver.eigenvectors();
  Eigen::Map<Eigen::MatrixXd>(root_.data(), d, d).noalias() = v * roots(solver).asDiagonal() * v.transpose();
}

double FrechetReference::distance(const Gaussian& b) const {
  const int64_t d = a_.dimension();
  EBM_CHECK(b.dimension() == d, kOp, "features of " + std::to_string(d) + " and " + std::to_string(b.dimension()),
            "one dimension");
  const Eigen::Map<const Eigen::VectorXd> mean_a(a_.mean.data(), d), mean_b(b.mean.data(), d);
  const Eigen::MatrixXd product = square(root_, d) * covariance(b) * square(root_, d);  // similar to C_a C_b
  const double trace_root = roots(Solver(product, Eigen::EigenvaluesOnly)).sum();
  return (mean_a - mean_b).squaredNorm() + covariance(a_).trace() + covariance(b).trace() - 2 * trace_root;
}

double frechet_distance(const Gaussian& a, const Gaussian& b) { return FrechetReference(a).distance(b); }

}  // namespace ebm
