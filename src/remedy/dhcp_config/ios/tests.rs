use super::super::tests::{OLD, RIGHT, changed, difference, ill, well};

const PHONE: &str = "00:03:6b:00:00:01";
const AT: &str = "10.50.1.101";

fn lines(text: &str) -> Result<Vec<String>, String> {
    changed("running-config.txt", text, &[ill(PHONE, AT)]).map(|after| difference(text, &after))
}

fn pool(inner: &str) -> String {
    format!("version 15.2\nhostname r1\n!\nip dhcp pool VOICE\n network 10.50.1.0 255.255.255.0\n{inner}!\nend\n")
}

#[test]
fn option_of_the_pool_is_changed_in_its_form() {
    for (line, new) in [
        (" option 150 ip 10.9.0.6", "option 150 ip 10.9.0.5"),
        (" option 150 hex 0a09.0006", "option 150 hex 0a09.0005"),
    ] {
        assert_eq!(lines(&pool(&format!("{line}\n"))), Ok(vec![format!("{} -> {new}", line.trim())]), "{line}");
    }
}

#[test]
fn host_pool_beats_the_pool_of_its_network() {
    let text = format!(
        "{}ip dhcp pool P1\n host 10.50.1.101 255.255.255.0\n client-identifier 0100.036b.0000.01\n option 150 ip 10.9.0.6\n!\n",
        pool(" option 150 ip 10.9.0.5\n")
    );
    assert_eq!(lines(&text), Ok(vec!["option 150 ip 10.9.0.6 -> option 150 ip 10.9.0.5".to_owned()]));
}

#[test]
fn pool_of_another_cluster_is_not_touched() {
    let other = "ip dhcp pool B\n network 10.50.2.0 255.255.255.0\n option 150 ip 10.9.0.6\n!\n";
    let text = format!("{}{other}", pool(" option 150 ip 10.9.0.6\n"));
    let clients = [ill(PHONE, AT), well("00:03:6b:00:00:02", "10.50.2.102", OLD)];
    let after = changed("running-config.txt", &text, &clients).unwrap();
    assert!(after.ends_with(other) && after.matches(RIGHT).count() == 1, "{after}");
}

#[test]
fn two_servers_become_the_right_ones() {
    let mut phone = ill(PHONE, AT);
    phone.seen.as_mut().unwrap().option_150 = Some(vec![10, 9, 0, 6, 10, 9, 0, 7]);
    let text = pool(" option 150 ip 10.9.0.6 10.9.0.7\n");
    let after = changed("running-config.txt", &text, &[phone]).unwrap();
    assert_eq!(difference(&text, &after), ["option 150 ip 10.9.0.6 10.9.0.7 -> option 150 ip 10.9.0.5"]);
}
