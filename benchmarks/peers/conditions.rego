# The benchmark's three conditions over input.resources, as one query.
package bench

import rego.v1

storage := [r | some r in input.resources; lower(r.type) == "microsoft.storage/storageaccounts"]

groups := [r | some r in input.resources; lower(r.type) == "microsoft.network/networksecuritygroups"]

allowed := {"westeurope", "northeurope"}

anyone := {"*", "0.0.0.0/0", "Internet"}

ports := {"22", "3389", "*"}

is_secure(r) if r.properties.supportsHttpsTrafficOnly == true

is_misplaced(r) if not r.tags.owner

is_misplaced(r) if not lower(r.location) in allowed

is_open(r) if {
	some rule in r.properties.securityRules
	rule.properties.access == "Allow"
	rule.properties.direction == "Inbound"
	rule.properties.sourceAddressPrefix in anyone
	rule.properties.destinationPortRange in ports
}

counts := {
	"flag": count([1 | some r in storage; not is_secure(r)]),
	"place": count([1 | some r in array.concat(storage, groups); is_misplaced(r)]),
	"array": count([1 | some r in groups; is_open(r)]),
}
