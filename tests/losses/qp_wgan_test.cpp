#include "losses/objectives/qp_wgan.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/ops/view.h"
#include "engine/parameters.h"
#include "engine/tape.h"
#include "losses/transport/exact.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

constexpr size_t kReal = 5, kFake = 4, kFeatures = 3;

template <class Coordinate>
double cost_of(const LqCost& cost, const Coordinate* x, const Coordinate* y) {
  double sum = 0;
  for (size_t k = 0; k < kFeatures; ++k) sum += std::pow(std::abs(double(x[k]) - y[k]), cost.q);
  return std::pow(sum, double(cost.p) / cost.q) / cost.p;
}

const LqCost kCosts[] = {{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1.2f, 1.2f}};

/// Both batches of a step, real points first.
struct Batches {
  std::vector<double> real, fake;

  explicit Batches(std::mt19937_64& source)
      : real(normals(source, kReal * kFeatures)), fake(normals(source, kFake * kFeatures)) {}
  Tensor x() const { return on_device(kReal, real); }
  Tensor y() const { return on_device(kFake, fake); }
  const double* point(size_t i) const { return i < kReal ? &real[i * kFeatures] : &fake[(i - kReal) * kFeatures]; }

 private:
  static std::vector<double> normals(std::mt19937_64& source, size_t count) {
    const auto values = random_normals(source, static_cast<int64_t>(count));
    return {values.begin(), values.end()};
  }
  static Tensor on_device(int64_t rows, const std::vector<double>& values) {
    return Tensor::from_host(test_device(), {rows, kFeatures}, std::vector<float>(values.begin(), values.end()));
  }
};

/// Which points psi minimises over, and how softly: 0 for hard.
struct Search {
  losses::SearchSpace space;
  float epsilon;

  size_t first() const { return space == losses::SearchSpace::Generated ? kReal : 0; }
  size_t last() const { return space == losses::SearchSpace::Real ? kReal : kReal + kFake; }
  std::string text() const { return "space " + std::to_string(int(space)) + " epsilon " + std::to_string(epsilon); }
};

const Search kSearches[] = {{losses::SearchSpace::Real, 0},      {losses::SearchSpace::Both, 0},
                            {losses::SearchSpace::Generated, 0}, {losses::SearchSpace::Real, 0.7f},
                            {losses::SearchSpace::Both, 0.7f},   {losses::SearchSpace::Generated, 0.7f}};

/// Algorithm 1 of paper 000, with the transforms of paper 004, by plain loops, for potentials phi of both batches.
struct PlainTerms {
  double dual = 0, p1 = 0, p2 = 0;
  std::vector<int32_t> argmin;  // of the generated points, in the points searched
};

PlainTerms plain_terms(const losses::QpWgan& objective, const Batches& batches, const std::vector<double>& phi) {
  constexpr size_t kAll = kReal + kFake;
  const auto& cost = std::get<LqCost>(objective.cost);
  const Search search{objective.search_space, objective.epsilon};
  PlainTerms terms;
  std::vector<double> psi;
  for (size_t j = 0; j < kAll; ++j) {
    std::vector<double> over;
    for (size_t i = search.first(); i < search.last(); ++i)
      over.push_back(cost_of(cost, batches.point(i), batches.point(j)) - phi[i]);
    const auto least = std::ranges::min_element(over);
    psi.push_back(*least);
    if (j >= kReal) terms.argmin.push_back(static_cast<int32_t>(least - over.begin()));
    if (objective.epsilon == 0) continue;
    double sum = 0;
    for (const double value : over) sum += std::exp(-value / objective.epsilon) / double(over.size());
    psi.back() = -objective.epsilon * std::log(sum);
  }
  for (size_t i = 0; i < kReal; ++i) terms.dual += phi[i] / kReal;
  for (size_t j = kReal; j < kAll; ++j) terms.dual += psi[j] / kFake;
  for (size_t i = 0; i < kAll; ++i)
    for (size_t j = 0; j < kAll; ++j) {
      const double slack = cost_of(cost, batches.point(i), batches.point(j)) - phi[i] - psi[j];
      const double counted = objective.p2 == Penalty::Square ? slack : std::min(slack, 0.0);
      terms.p2 += counted * counted / (kAll * kAll);
      if (i < kReal && j >= kReal) terms.p1 += slack * slack / (kReal * kFake);
    }
  return terms;
}

/// A critic whose potentials are themselves the parameters, one for every point of both batches.
struct TableCritic {
  Parameters parameters{test_device(), {{"phi", {kReal + kFake, 1}}}};
  int calls = 0;

  explicit TableCritic(const std::vector<float>& phi) { parameters["phi"].copy_from_host(phi); }
  losses::Critic critic() {
    return [this](const Tensor& points) {
      ++calls;
      return slice_rows(parameters["phi"], 0, points.shape().rows());
    };
  }
};

double gradient_by_differences(const std::function<double(const std::vector<double>&)>& f, std::vector<double> at,
                               size_t k) {
  const double h = 1e-5, here = at[k];
  at[k] = here + h;
  const double above = f(at);
  at[k] = here - h;
  return (above - f(at)) / (2 * h);
}

}  // namespace

TEST_CASE("the (q,p)-WGAN objective is the semi-dual of a plain loop, with its gradients", "[qp_wgan]") {
  std::mt19937_64 source(test_seed());
  const auto real = random_normals(source, kReal * kFeatures), fake = random_normals(source, kFake * kFeatures);
  const auto weights = random_normals(source, kFeatures);
  const Tensor x = Tensor::from_host(test_device(), {kReal, kFeatures}, real);
  Tensor y = Tensor::from_host(test_device(), {kFake, kFeatures}, fake);
  y.require_gradient();
  Parameters parameters(test_device(), {{"weight", {1, kFeatures}}});
  parameters["weight"].copy_from_host(weights);
  const losses::Critic critic = [&](const Tensor& points) { return linear(points, parameters["weight"], {}); };

  for (const LqCost& cost : kCosts) {
    INFO(cost.name());
    std::vector<double> phi(kReal, 0.0);
    double dual = 0;
    for (size_t i = 0; i < kReal; ++i) {
      for (size_t k = 0; k < kFeatures; ++k) phi[i] += double(weights[k]) * real[i * kFeatures + k];
      dual += phi[i] / kReal;
    }
    std::vector<int32_t> argmin(kFake);
    for (size_t j = 0; j < kFake; ++j) {
      double best = INFINITY;
      for (size_t i = 0; i < kReal; ++i) {
        const double value = cost_of(cost, &real[i * kFeatures], &fake[j * kFeatures]) - phi[i];
        if (value < best) argmin[j] = static_cast<int32_t>(i);
        best = std::min(best, value);
      }
      dual += best / kFake;
    }

    const auto terms = losses::QpWgan{cost}.critic_loss(critic, x, y);
    CHECK(terms.dual.item() == Approx(dual).epsilon(1e-5).margin(1e-5));  // its terms may cancel
    CHECK(terms.loss.item() == -terms.dual.item());
    CHECK(terms.argmin.to_host() == argmin);
    CHECK_FALSE(grad(terms.loss, y).defined());  // the generator's batch is constant for the critic

    // d dual / d weight = mean x - mean of the matched x.
    const auto gradient = grad(terms.loss, parameters).to_host();
    for (size_t k = 0; k < kFeatures; ++k) {
      double expected = 0;
      for (size_t i = 0; i < kReal; ++i) expected -= double(real[i * kFeatures + k]) / kReal;
      for (size_t j = 0; j < kFake; ++j) expected += double(real[size_t(argmin[j]) * kFeatures + k]) / kFake;
      CHECK(gradient[k] == Approx(expected).margin(1e-5));
    }

    const auto generator = losses::QpWgan{cost}.generator_loss(critic, x, y);
    CHECK(generator.loss.item() == Approx(dual).epsilon(1e-5).margin(1e-5));
    const auto pull = grad(generator.loss, y).to_host();
    for (size_t j = 0; j < kFake; ++j)
      for (size_t k = 0; k < kFeatures; ++k) {
        const float* at = &real[size_t(argmin[j]) * kFeatures];
        auto shifted = fake;
        const double h = 1e-3;
        if (std::abs(fake[j * kFeatures + k] - at[k]) < 10 * h) continue;  // differences would see the kink
        shifted[j * kFeatures + k] = fake[j * kFeatures + k] + float(h);
        const double above = cost_of(cost, at, &shifted[j * kFeatures]);
        shifted[j * kFeatures + k] = fake[j * kFeatures + k] - float(h);
        const double below = cost_of(cost, at, &shifted[j * kFeatures]);
        CHECK(pull[j * kFeatures + k] == Approx((above - below) / (2 * h) / kFake).margin(2e-3));
      }
  }
}

TEST_CASE("the (q,p)-WGAN critic's penalties are those of a plain double loop, with their gradients", "[qp_wgan]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Batches batches(source);
  const std::vector<float> phi = random_normals(source, kReal + kFake, 2);
  const std::vector<double> at(phi.begin(), phi.end());
  for (const LqCost& cost : kCosts)
    for (const Search& search : kSearches)
      for (const auto& [lambda1, lambda2] : {std::pair{0.0f, 0.0f}, {0.5f, 0.0f}, {0.0f, 2.0f}, {0.5f, 2.0f}})
        for (const Penalty p2 : {Penalty::Violation, Penalty::Square}) {
          const losses::QpWgan objective{cost, search.space, lambda1, lambda2, p2, search.epsilon};
          INFO(cost.name() << " " << search.text() << " lambdas " << lambda1 << ", " << lambda2 << " reading "
                           << int(p2));
          TableCritic table(phi);
          Tensor y = batches.y();
          y.require_gradient();
          const auto terms = objective.critic_loss(table.critic(), batches.x(), y);
          CHECK(table.calls == 1);
          CHECK_FALSE(grad(terms.loss, y).defined());

          const PlainTerms expected = plain_terms(objective, batches, at);
          CHECK(terms.dual.item() == Approx(expected.dual).epsilon(1e-5).margin(1e-5));
          REQUIRE(terms.p1.defined() == (lambda1 > 0));
          REQUIRE(terms.p2.defined() == (lambda2 > 0));
          if (lambda1 > 0) CHECK(terms.p1.item() == Approx(expected.p1).epsilon(1e-5).margin(1e-10));
          if (lambda2 > 0) CHECK(terms.p2.item() == Approx(expected.p2).epsilon(1e-5).margin(1e-10));

          const auto loss = [&](const std::vector<double>& potentials) {
            const PlainTerms plain = plain_terms(objective, batches, potentials);
            return -plain.dual + double(lambda1) * plain.p1 + double(lambda2) * plain.p2;
          };
          CHECK(terms.loss.item() == Approx(loss(at)).epsilon(1e-5).margin(1e-5));
          const auto gradient = grad(terms.loss, table.parameters).to_host();
          for (size_t k = 0; k < at.size(); ++k) {
            INFO("potential " << k);
            CHECK(gradient[k] == Approx(gradient_by_differences(loss, at, k)).epsilon(1e-4).margin(1e-4));
          }
        }
}

TEST_CASE("with both batches searched nothing violates the dual's inequality", "[qp_wgan]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Batches batches(source);
  for (const LqCost& cost : kCosts) {
    INFO(cost.name());
    std::vector<float> phi = random_normals(source, kReal + kFake, 2);
    for (size_t j = kReal; j < phi.size(); ++j) phi[j] += 20;  // too much for what real points offer
    TableCritic table(phi);
    losses::QpWgan objective{.cost = cost, .search_space = losses::SearchSpace::Both, .lambda2 = 10};
    const auto both = objective.critic_loss(table.critic(), batches.x(), batches.y());
    constexpr float kRounding = 2e-5f;  // of slacks, made of numbers near 20
    CHECK(both.p2.item() <= kRounding * kRounding);
    for (const float slope : grad(both.p2, table.parameters).to_host()) CHECK(std::abs(slope) <= kRounding);

    objective.search_space = losses::SearchSpace::Real;
    CHECK(objective.critic_loss(table.critic(), batches.x(), batches.y()).p2.item() > 1);
  }
}

TEST_CASE("the generator's gradient is that of finite differences", "[qp_wgan]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  constexpr size_t kHidden = 6;
  size_t to_real = 0, to_itself = 0, to_another = 0;
  for (int round = 0; round < 4; ++round)
    for (const LqCost& cost : kCosts)
      for (const Search& search : kSearches) {
        INFO(cost.name() << " " << search.text() << " round " << round);
        const Batches batches(source);
        // phi(x) = outer tanh(inner x), steep enough that points are matched to better ones.
        const auto inner = random_normals(source, kHidden * kFeatures, 2), outer = random_normals(source, kHidden, 2);
        Parameters parameters(test_device(), {{"inner", {kHidden, kFeatures}}, {"outer", {1, kHidden}}});
        parameters["inner"].copy_from_host(inner);
        parameters["outer"].copy_from_host(outer);
        const losses::Critic critic = [&](const Tensor& points) {
          return linear(linear(points, parameters["inner"], {}, Activation::Tanh), parameters["outer"], {});
        };
        const losses::QpWgan objective{.cost = cost, .search_space = search.space, .epsilon = search.epsilon};
        const auto plain = [&](const std::vector<double>& fake) {
          Batches at = batches;
          at.fake = fake;
          std::vector<double> phi(kReal + kFake, 0.0);
          for (size_t i = 0; i < phi.size(); ++i)
            for (size_t h = 0; h < kHidden; ++h) {
              double sum = 0;
              for (size_t k = 0; k < kFeatures; ++k) sum += double(inner[h * kFeatures + k]) * at.point(i)[k];
              phi[i] += double(outer[h]) * std::tanh(sum);
            }
          return plain_terms(objective, at, phi);
        };

        Tensor y = batches.y();
        y.require_gradient();
        const auto terms = objective.generator_loss(critic, batches.x(), y);
        const PlainTerms expected = plain(batches.fake);
        CHECK(terms.loss.item() == Approx(expected.dual).epsilon(1e-5).margin(1e-5));
        REQUIRE(terms.argmin.defined() == (search.epsilon == 0));
        if (terms.argmin.defined()) {
          CHECK(terms.argmin.to_host() == expected.argmin);
          for (size_t j = 0; j < kFake; ++j) {
            const size_t place = search.first() + static_cast<size_t>(expected.argmin[j]);
            ++(place < kReal ? to_real : place == kReal + j ? to_itself : to_another);
          }
        }
        const auto pull = grad(terms.loss, y).to_host();
        const auto dual = [&](const std::vector<double>& fake) { return plain(fake).dual; };
        for (size_t k = 0; k < batches.fake.size(); ++k)
          CHECK(pull[k] == Approx(gradient_by_differences(dual, batches.fake, k)).epsilon(1e-3).margin(1e-4));
      }
  CHECK(to_real > 0);
  CHECK(to_itself > 0);
  CHECK(to_another > 0);
}

/// The mean cost of all pairs, and the exact cost of transport.
struct Costs {
  Tensor pairs;
  losses::ExactTransport exact;

  Costs(const LqCost& cost, const Batches& batches)
      : pairs(pairwise_cost(cost, batches.x(), batches.y())), exact(losses::exact_transport(pairs)) {
    REQUIRE(exact.certified);
  }
  double mean() const { return wasserkern::mean(pairs).item(); }
};

TEST_CASE("no critic brings the dual above the exact cost, and the optimal potentials bring it there", "[qp_wgan]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  constexpr float kRounding = 1e-5f;  // of sums of numbers below 100
  for (int round = 0; round < 20; ++round) {
    const Batches batches(source);
    for (const LqCost& cost : kCosts) {
      INFO(cost.name() << " round " << round);
      const Costs costs(cost, batches);
      const auto dual = [&](const losses::QpWgan& objective, const std::vector<float>& phi) {
        TableCritic table(phi);
        return objective.critic_loss(table.critic(), batches.x(), batches.y()).dual.item();
      };
      std::vector<float> phi = random_normals(source, kReal + kFake, 3);
      for (const float epsilon : {0.1f, 1.0f, 10.0f})  // the entropy's price is at most that of the product coupling
        CHECK(dual({.cost = cost, .epsilon = epsilon}, phi) <= costs.mean() + kRounding);
      CHECK(dual({.cost = cost}, phi) <= costs.exact.primal + kRounding);
      std::ranges::copy(costs.exact.source_potential, phi.begin());
      CHECK(dual({.cost = cost}, phi) == Approx(costs.exact.primal).margin(kRounding));
      // By the generated points alone nothing limits what a critic says of the real ones.
      std::fill_n(phi.begin(), kReal, 1000.0f);
      CHECK(dual({.cost = cost, .search_space = losses::SearchSpace::Generated}, phi) > costs.exact.primal + 100);
    }
  }
}

TEST_CASE("the soft transform's dual is the hard one for small epsilon, a mean over pairs for large", "[qp_wgan]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const LqCost& cost : kCosts) {
    INFO(cost.name());
    const Batches batches(source);
    const Costs costs(cost, batches);
    TableCritic table(random_normals(source, kReal + kFake));
    const auto dual = [&](float epsilon) {
      return losses::QpWgan{.cost = cost, .epsilon = epsilon}
          .critic_loss(table.critic(), batches.x(), batches.y())
          .dual.item();
    };
    const float hard = dual(0);
    CHECK(dual(1e-3f) >= hard - 1e-5f);
    CHECK(dual(1e-3f) <= hard + 1e-3f * std::log(float(kReal)) + 1e-5f);  // if every term were the least
    CHECK(dual(0.1f) <= dual(1));
    CHECK(dual(1) <= dual(10));
    // The real potentials cancel; what is left of their and the costs' variance is divided by 2 epsilon.
    CHECK(dual(1e4f) == Approx(costs.mean()).margin(0.02));
  }
}

TEST_CASE("a generated point matched to itself pulls nowhere", "[qp_wgan]") {
  std::mt19937_64 source(test_seed());
  Batches batches(source);
  for (double& coordinate : batches.fake) coordinate += 100;  // far from the real points
  for (const LqCost& cost : kCosts) {
    INFO(cost.name());
    TableCritic flat(std::vector<float>(kReal + kFake, 0));
    Tensor y = batches.y();
    y.require_gradient();
    const losses::QpWgan objective{.cost = cost, .search_space = losses::SearchSpace::Both};
    const auto terms = objective.generator_loss(flat.critic(), batches.x(), y);
    CHECK(terms.argmin.to_host() == std::vector<int32_t>{5, 6, 7, 8});
    for (const float pull : grad(terms.loss, y).to_host()) CHECK(pull == 0);
  }
}

TEST_CASE("the (q,p)-WGAN objective refuses negative weights and epsilon", "[qp_wgan]") {
  std::mt19937_64 source(test_seed());
  const Batches batches(source);
  TableCritic table(std::vector<float>(kReal + kFake, 0));
  CHECK_THROWS_AS((losses::QpWgan{.lambda1 = -1}.critic_loss(table.critic(), batches.x(), batches.y())), UsageError);
  CHECK_THROWS_AS((losses::QpWgan{.lambda2 = NAN}.critic_loss(table.critic(), batches.x(), batches.y())), UsageError);
  CHECK_THROWS_AS((losses::QpWgan{.epsilon = -1}.critic_loss(table.critic(), batches.x(), batches.y())), UsageError);
}

}  // namespace wasserkern::testing
