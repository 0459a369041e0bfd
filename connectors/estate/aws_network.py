"""The network of an AWS stack: subnets in two zones, rules, an address, a load balancer and its certificate."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.estate.aws_document import archive_name, arn_of, aspect, config, gateway_id, short_id, wall_arn
from connectors.estate.company import Record, Stack
from connectors.estate.dates import expiry, past
from domain.clock import format_instant
from domain.value import Json


def network(stack: Stack) -> Iterator[Record]:
    """A network in every stack; a load balancer in those that face the Internet."""
    vpc = short_id(stack, "vpc")
    configuration: dict[str, Json] = {
        "vpcId": vpc,
        "cidrBlock": "10.2.0.0/16",
        "isDefault": stack.either(False, True, 0.5),
        "state": "available",
    }
    yield config(stack, "AWS::EC2::VPC", vpc, arn_of(stack, "ec2", f"vpc/{vpc}"), configuration)
    for index in range(2):
        yield _subnet(stack, vpc, index)
    yield _rules(stack, vpc)
    yield _entries(stack, vpc)
    yield _route_table(stack, vpc)
    if stack.has(0.3):
        yield _address(stack)
    if stack.has(0.5):
        yield from _balancer(stack, vpc)


def _subnet(stack: Stack, vpc: str, index: int) -> Record:
    subnet = short_id(stack, "subnet", index)
    configuration: dict[str, Json] = {
        "subnetId": subnet,
        "vpcId": vpc,
        "availabilityZone": f"{stack.region}{'ab'[index]}",
        "cidrBlock": f"10.2.{index}.0/24",
        "mapPublicIpOnLaunch": stack.either(False, True),
    }
    arn = arn_of(stack, "ec2", f"subnet/{subnet}")
    drift: tuple[str, Json] = ("configuration.mapPublicIpOnLaunch", True)
    return config(stack, "AWS::EC2::Subnet", subnet, arn, configuration, drift=drift)


def _permission(port: int, source: str, protocol: str = "tcp") -> Json:
    return {
        "ipProtocol": protocol,
        "fromPort": port,
        "toPort": port,
        "ipRanges": [{"cidrIp": source}],
        "ipv6Ranges": [],
        "userIdGroupPairs": [],
    }


def _rules(stack: Stack, vpc: str) -> Record:
    group = short_id(stack, "sg")
    admin = stack.random.choice((22, 22, 3389))
    everybody = "0.0.0.0/0"
    permissions = [
        _permission(443, everybody),
        _permission(admin, stack.either("10.0.0.0/8", everybody, 0.3 if admin == 3389 else 0.7)),
        _permission(5432, stack.either("10.2.0.0/16", everybody, 0.5)),
    ]
    if stack.is_flawed(0.4):
        permissions.append(_permission(445, everybody))
    if stack.is_flawed(0.15):
        permissions.append({"ipProtocol": "-1", "ipRanges": [{"cidrIp": everybody}], "ipv6Ranges": []})
    name = stack.either(f"sg-{stack.name}", "default", 0.5)
    configuration: dict[str, Json] = {
        "groupId": group,
        "groupName": name,
        "vpcId": vpc,
        "ipPermissions": permissions,
        "ipPermissionsEgress": [],
    }
    arn = arn_of(stack, "ec2", f"security-group/{group}")
    drift: tuple[str, Json] = ("configuration.ipPermissions", [_permission(443, everybody)])
    return config(stack, "AWS::EC2::SecurityGroup", name, arn, configuration, id_=group, drift=drift)


def _entries(stack: Stack, vpc: str) -> Record:
    acl = short_id(stack, "acl")
    inbound: dict[str, Json] = {
        "ruleAction": "allow",
        "egress": False,
        "cidrBlock": "0.0.0.0/0",
        "protocol": "6",
        "portRange": {"from": 443, "to": 443},
        "ruleNumber": 100,
    }
    if stack.is_flawed():
        inbound |= {"protocol": "-1", "portRange": None}
    last: Json = {
        "ruleAction": "deny",
        "egress": False,
        "cidrBlock": "0.0.0.0/0",
        "protocol": "-1",
        "ruleNumber": 32767,
    }
    configuration: dict[str, Json] = {"networkAclId": acl, "vpcId": vpc, "isDefault": False, "entries": [inbound, last]}
    return config(stack, "AWS::EC2::NetworkAcl", acl, arn_of(stack, "ec2", f"network-acl/{acl}"), configuration)


def _route_table(stack: Stack, vpc: str) -> Record:
    table = short_id(stack, "rtb")
    configuration: dict[str, Json] = {
        "routeTableId": table,
        "vpcId": vpc,
        "associations": [{"subnetId": short_id(stack, "subnet", index), "main": False} for index in range(2)],
        "routes": [
            {"destinationCidrBlock": "10.2.0.0/16", "gatewayId": "local", "state": "active"},
            {"destinationCidrBlock": "10.0.0.0/8", "transitGatewayId": gateway_id(stack), "state": "active"},
        ],
    }
    return config(stack, "AWS::EC2::RouteTable", table, arn_of(stack, "ec2", f"route-table/{table}"), configuration)


def _address(stack: Stack) -> Record:
    allocation = short_id(stack, "eipalloc")
    public = f"203.0.113.{stack.serial % 250 + 1}"
    configuration: dict[str, Json] = {"allocationId": allocation, "publicIp": public, "domain": "vpc"}
    if not stack.is_flawed(1.5):
        configuration["associationId"] = short_id(stack, "eipassoc")
        configuration["instanceId"] = short_id(stack, "i")
    arn = arn_of(stack, "ec2", f"elastic-ip/{allocation}")
    service = "Amazon Virtual Private Cloud"
    return config(stack, "AWS::EC2::EIP", public, arn, configuration, id_=allocation, cost=4, service=service)


def _balancer(stack: Stack, vpc: str) -> Iterator[Record]:
    path = f"app/{stack.name}/{stack.serial:016x}"
    arn = arn_of(stack, "elasticloadbalancing", f"loadbalancer/{path}")
    configuration: dict[str, Json] = {
        "loadBalancerArn": arn,
        "loadBalancerName": f"alb-{stack.name}",
        "type": "application",
        "scheme": "internet-facing",
        "vpcId": vpc,
        "securityGroups": [short_id(stack, "sg")],
        "availabilityZones": [{"subnetId": short_id(stack, "subnet", index)} for index in range(2)],
    }
    type_ = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    balancer = config(stack, type_, f"alb-{stack.name}", arn, configuration, cost=24, service="Elastic Load Balancing")
    yield balancer
    attributes: list[Json] = [
        {"Key": "access_logs.s3.enabled", "Value": stack.either("true", "false")},
        {"Key": "access_logs.s3.bucket", "Value": archive_name(stack)},
        {"Key": "deletion_protection.enabled", "Value": stack.either("true", "false")},
        {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": stack.either("true", "false")},
    ]
    asked = ("LoadBalancerArn", arn)
    call = "elasticloadbalancing:DescribeLoadBalancerAttributes"
    yield aspect(stack, call, asked, balancer, {"Attributes": attributes})
    certificate = _certificate(stack)
    yield certificate
    listener = arn_of(stack, "elasticloadbalancing", f"listener/{path}/1")
    policy = stack.either("ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08")
    yield config(stack, "AWS::ElasticLoadBalancingV2::Listener", "https", listener, {
        "listenerArn": listener,
        "loadBalancerArn": arn,
        "port": 443,
        "protocol": "HTTPS",
        "sslPolicy": policy,
        "certificates": [{"certificateArn": certificate.uid}],
        "defaultActions": [{"type": "forward"}],
    })  # fmt: skip
    if stack.has(0.35):
        yield _distribution(stack, certificate.uid)
    plain = arn_of(stack, "elasticloadbalancing", f"listener/{path}/2")
    yield config(stack, "AWS::ElasticLoadBalancingV2::Listener", "http", plain, {
        "listenerArn": plain,
        "loadBalancerArn": arn,
        "port": 80,
        "protocol": "HTTP",
        "defaultActions": [{"type": stack.either("redirect", "forward")}],
    })  # fmt: skip


def _distribution(stack: Stack, certificate: str) -> Record:
    identity = f"E{stack.serial:013X}"
    configuration: dict[str, Json] = {
        "id": identity,
        "status": "Deployed",
        "domainName": f"{identity.lower()}.example",
        "webACLId": stack.either(wall_arn(stack), ""),
        "defaultCacheBehavior": {"viewerProtocolPolicy": stack.either("redirect-to-https", "allow-all")},
        "viewerCertificate": {
            "aCMCertificateArn": certificate,
            "minimumProtocolVersion": stack.either("TLSv1.2_2021", "TLSv1_2016"),
        },
    }
    arn = arn_of(stack, "cloudfront", f"distribution/{identity}", region="")
    type_ = "AWS::CloudFront::Distribution"
    return config(stack, type_, identity, arn, configuration, cost=55, service="Amazon CloudFront", region="global")


def _certificate(stack: Stack) -> Record:
    name = f"{stack.application}.example"
    arn = arn_of(stack, "acm", f"certificate/{stack.guid(2)}")
    configuration: dict[str, Json] = {
        "certificateArn": arn,
        "domainName": name,
        "status": "ISSUED",
        "type": "IMPORTED",
        "keyAlgorithm": stack.either("RSA_2048", "RSA_1024", 0.5),
        "notBefore": format_instant(past(stack, days_max=360)),
        "notAfter": format_instant(expiry(stack)),
    }
    return config(stack, "AWS::ACM::Certificate", name, arn, configuration, service="AWS Certificate Manager")
