# narrow in Vivado's dialog "Re-customize IP": its name, for there is nothing else to choose.
proc init_gui {IPINST} {
    ipgui::add_param $IPINST -name "Component_Name"
}
