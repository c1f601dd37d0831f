package main

import (
	"net/netip"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
)

// clientKey tells whose request this is: the header's value, or else the client's address, so that
// nobody gets rid of the limit by leaving the header out.
func clientKey(header string) string {
	if header != "" {
		if value, err := proxywasm.GetHttpRequestHeader(header); err == nil && value != "" {
			return "header " + value
		}
	}
	address, err := proxywasm.GetProperty([]string{"source", "address"})
	if err != nil {
		return "address unknown"
	}
	return "address " + network(string(address))
}

// network is the address without its port. Of IPv6 it is the part that a provider gives to one
// customer, who may use all addresses in it.
func network(address string) string {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	ip := parsed.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}
