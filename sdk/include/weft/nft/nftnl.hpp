#pragma once
/// Owners for libnftnl's objects.

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/flowtable.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

#include <memory>
#include <new>

namespace weft::nft {

template <auto Free>
struct NftnlFree {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using TablePtr = std::unique_ptr<nftnl_table, NftnlFree<nftnl_table_free>>;
using ChainPtr = std::unique_ptr<nftnl_chain, NftnlFree<nftnl_chain_free>>;
using RulePtr = std::unique_ptr<nftnl_rule, NftnlFree<nftnl_rule_free>>;
using SetPtr = std::unique_ptr<nftnl_set, NftnlFree<nftnl_set_free>>;
using FlowtablePtr = std::unique_ptr<nftnl_flowtable, NftnlFree<nftnl_flowtable_free>>;
using UdataPtr = std::unique_ptr<nftnl_udata_buf, NftnlFree<nftnl_udata_buf_free>>;

/// As operator new: the library answers null only when memory ran out.
template <class T>
T* allocated(T* object) {
  if (object == nullptr) {
    throw std::bad_alloc();
  }
  return object;
}

}  // namespace weft::nft
